import {
  type CopyResult,
  copy,
  copyAll,
  type Reporter,
  readAll,
  readConfig,
  readManifest,
  streamOf,
  type Target,
} from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import {
  canonicalJson,
  type Descriptor,
  type Digest,
  describe,
  isIndexType,
  maxConfigBytes,
  mediaTypes,
  successors,
} from '../oci/index.js';
import { parseLock } from './lock-schema.js';
import { mayComeFromElsewhere } from './names.js';
import { lockedImage } from './resolve.js';
import type { EngineLock, LockedSource } from './types.js';

/** The artifact type of an engine's lock, and the media type of its one layer. */
export const engineArtifactType = 'application/vnd.engineshed.engine.v1+json';

/** The most engines in one file. */
const maxEngines = 100;
/** How deep an index may lie inside an index. */
const maxIndexDepth = 3;
/** How many indexes are looked into on the way to an image. */
const maxIndexes = 100;
/** The longest name that {@link writeEngine} gives an image, as for a tag. */
const maxTagLength = 128;

const emptyConfig = Buffer.from('{}');

type LockedImage = Exclude<LockedSource, { readonly kind: 'directory' }>;

/** How to write an engine. */
export interface WriteEngineOptions {
  /** Where the content of a source is. */
  readonly content: (source: string) => Target;
  readonly referrers?: 'leave' | 'bring' | undefined;
  readonly report?: Reporter | undefined;
}

/**
 * Writes an engine to a place: every image as it is, tagged `ENGINE-SOURCE`, and the lock as an artifact (image
 * specification, "Guidelines for Artifact Usage") tagged with the engine's name.
 * @returns what was copied, the lock apart
 * @throws EngineshedError `USAGE` for an engine with a directory as a source, or a variable that no reader takes, and as
 * `copyAll` does
 */
export async function writeEngine(
  lock: EngineLock,
  to: Target,
  { content, ...options }: WriteEngineOptions,
): Promise<CopyResult> {
  refuseDirectories(lock);
  refuseSteering(lock);
  const images = Object.entries(lock.sources).map(([name, source]) => {
    return { name, source: source as LockedImage, from: content(name) };
  });
  const result = await copyAll(
    images.map(({ name, source, from }) => ({
      from,
      root: source.manifest,
      tags: tagOf(lock.name, name),
    })),
    to,
    options,
  );
  let referrers = result.referrers;
  for (const { source, from } of images) {
    for (const index of await indexesBetween(from, source)) {
      await to.push(index, () => from.fetch(index));
      if (options.referrers === 'bring') referrers += await bringReferrers(from, index, to);
    }
  }
  const config = { ...describe(mediaTypes.empty, emptyConfig), data: emptyConfig.toString('base64') };
  const lockBytes = Buffer.from(canonicalJson(lock));
  const layer = describe(engineArtifactType, lockBytes);
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      artifactType: engineArtifactType,
      config,
      layers: [layer],
    }),
  );
  const manifest = {
    ...describe(mediaTypes.imageManifest, manifestBytes),
    artifactType: engineArtifactType,
  };
  await to.push(config, async () => streamOf(emptyConfig));
  await to.push(layer, async () => streamOf(lockBytes));
  await to.push(manifest, async () => streamOf(manifestBytes));
  await to.tag(manifest, lock.name);
  return { ...result, referrers };
}

/** What refers to an index of which one image is copied: who signed the index signed that image. */
async function bringReferrers(from: Target, index: Descriptor, to: Target): Promise<number> {
  let brought = 0;
  for await (const referrer of from.referrers(index)) {
    const { parsed } = await readManifest(from, referrer);
    const { subject } = parsed.kind === 'index' ? parsed.index : parsed.manifest;
    // A list is only the word of who wrote it.
    if (subject?.digest !== index.digest) continue;
    await copy(from, referrer, to, { tags: [] });
    brought++;
  }
  return brought;
}

/** An engine that was read from a place. */
export interface ReadEngine {
  readonly lock: EngineLock;
  /** The indexes, manifests and configs of its images. */
  readonly content: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Reads the engines of a place that {@link writeEngine} wrote. Nothing in it is believed: what a lock says of an image is
 * compared with the image.
 * @throws EngineshedError `REFERENCE_NOT_FOUND` where there is none, `MANIFEST_INVALID`, `JSON_INVALID`, `CONTENT_NOT_FOUND`
 * where one of its images is missing, and as `readManifest` does
 */
export async function readExportedEngines(from: Target): Promise<ReadEngine[]> {
  const listed = (await from.images?.()) ?? [];
  const roots = new Map(
    listed.flatMap((entry) => (entry.artifactType === engineArtifactType ? [[entry.digest, entry]] : [])),
  );
  if (roots.size === 0) {
    throw new EngineshedError('REFERENCE_NOT_FOUND', `${from.label} has no engine`, {
      hint: 'Files with engines are made by "engineshed export". A mere image is installed with: engineshed install oci-archive:FILE:TAG',
    });
  }
  if (roots.size > maxEngines)
    throw new EngineshedError('MANIFEST_INVALID', `${from.label} has more than ${maxEngines} engines`);
  const engines: ReadEngine[] = [];
  for (const root of roots.values()) engines.push(await readEngine(from, root));
  return engines;
}

async function readEngine(from: Target, root: Descriptor): Promise<ReadEngine> {
  const { parsed } = await readManifest(from, root);
  const layers = parsed.kind === 'manifest' ? parsed.manifest.layers : [];
  const [layer, ...more] = layers;
  if (layer?.mediaType !== engineArtifactType || more.length > 0)
    throw new EngineshedError('MANIFEST_INVALID', `${root.digest} of ${from.label} is no engine's lock`);
  const where = `lock ${layer.digest}`;
  const lock = parseLock(await readAll(await from.fetch(layer), layer, maxConfigBytes), where);
  const content = new Map<Digest, Uint8Array>();
  const sources: [string, LockedSource][] = [];
  for (const [name, source] of Object.entries(lock.sources)) {
    try {
      sources.push([name, await confirmed(from, source as LockedImage, content)]);
    } catch (error) {
      throw inOperation(`The source "${name}" of the engine ${lock.name}`, error);
    }
  }
  const { description, kind, catalog, parts, environment, commands, requires, platform } = lock;
  return {
    lock: {
      name: lock.name,
      description,
      kind,
      catalog,
      sources: Object.fromEntries(sources),
      parts,
      environment,
      ...(commands === undefined ? {} : { commands }),
      ...(requires === undefined ? {} : { requires }),
      ...(platform === undefined ? {} : { platform }),
    },
    content,
  };
}

/** The source as its image has it, which must be what the lock says. */
async function confirmed(
  from: Target,
  said: LockedImage,
  content: Map<Digest, Uint8Array>,
): Promise<LockedImage> {
  const { bytes, parsed } = await readManifest(from, said.manifest);
  if (parsed.kind === 'index') throw contradiction(said, 'is an index');
  const { manifest } = parsed;
  const { config, configBytes } = await readConfig(from, manifest);
  const { reference, resolved, kind } = said;
  const found = lockedImage({ descriptor: said.manifest, manifest, config }, { kind, reference, resolved });
  if (canonicalJson(comparable(found)) !== canonicalJson(comparable(said)))
    throw contradiction(said, 'has another config, other layers or annotations');
  content.set(found.manifest.digest, bytes);
  content.set(found.config.digest, configBytes);
  for (const index of await indexesBetween(from, said))
    content.set(index.digest, (await readManifest(from, index)).bytes);
  return found;
}

function comparable({ manifest, config, layers, annotations }: LockedImage) {
  return { manifest, config, layers, annotations };
}

/** The indexes on the way from what a source was resolved to, to its manifest; none where that is the manifest itself. */
async function indexesBetween(from: Target, source: LockedImage): Promise<Descriptor[]> {
  const { resolved, manifest } = source;
  if (resolved === manifest.digest) return [];
  const way = await wayTo(from, await from.resolve(resolved), manifest.digest, new Map(), 0);
  if (way !== undefined) return way;
  throw contradiction(source, `is not in the index ${resolved}`);
}

/** @param seen indexes that were looked into, and how deep they lay: what names one a thousand times has it read once */
async function wayTo(
  from: Target,
  at: Descriptor,
  wanted: Digest,
  seen: Map<Digest, number>,
  depth: number,
): Promise<Descriptor[] | undefined> {
  if (depth > maxIndexDepth || !isIndexType(at.mediaType)) return undefined;
  if ((seen.get(at.digest) ?? maxIndexDepth + 1) <= depth) return undefined;
  seen.set(at.digest, depth);
  if (seen.size > maxIndexes)
    throw new EngineshedError(
      'MANIFEST_INVALID',
      `${from.label} has more than ${maxIndexes} indexes inside each other`,
    );
  const next = successors((await readManifest(from, at)).parsed);
  if (next.some(({ digest }) => digest === wanted)) return [at];
  for (const index of next.filter(({ mediaType }) => isIndexType(mediaType))) {
    if (!(await from.exists(index))) continue;
    const way = await wayTo(from, index, wanted, seen, depth + 1);
    if (way !== undefined) return [at, ...way];
  }
  return undefined;
}

function tagOf(engine: string, source: string): string[] {
  const tag = `${engine}-${source}`;
  return tag.length > maxTagLength ? [] : [tag];
}

function contradiction(said: LockedImage, fault: string): EngineshedError {
  return new EngineshedError(
    'MANIFEST_INVALID',
    `The manifest ${said.manifest.digest} ${fault}, which is not what the engine's lock says`,
    { hint: 'The file is damaged or not to be trusted.' },
  );
}

/** Nobody would read it. */
function refuseSteering({ name, environment }: EngineLock): void {
  const rule = environment.find((entry) => !mayComeFromElsewhere(entry.name));
  if (rule === undefined) return;
  throw new EngineshedError(
    'USAGE',
    `The engine ${name} sets ${rule.name}, which other programs obey: no import would take it`,
    { hint: 'Set that variable outside of the engine.' },
  );
}

/**
 * Makes sure that an engine is made of images only.
 * @throws EngineshedError `USAGE`, with what to do
 */
export function refuseDirectories({ name, sources }: Pick<EngineLock, 'name' | 'sources'>): void {
  for (const [source, { kind, ...rest }] of Object.entries(sources)) {
    if (kind !== 'directory') continue;
    const path = 'path' in rest ? rest.path : '';
    throw new EngineshedError(
      'USAGE',
      `The engine ${name} takes its source "${source}" from the directory ${path}, which is no image`,
      {
        hint: `Publish it, for instance "engineshed publish ${path} oci:images/${source}:1", and name that in the catalog.`,
        details: { path },
      },
    );
  }
}
