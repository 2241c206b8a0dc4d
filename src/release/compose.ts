import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Layout, type Reporter, streamOf } from '../content/index.js';
import type { EngineLock } from '../engine/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import { type PackedContent, packComponents, removeTree } from '../layer/index.js';
import { annotationKeys, buildImage, canonicalJson, type WantedPlatform } from '../oci/index.js';
import { formatRequirements, parseRequirements, requiresAnnotation } from '../requirements/index.js';
import { formatReleaseLock, releaseDirectory, releaseLockFile } from './lock.js';
import type { ComposedRelease, ReleaseLayer } from './types.js';

/** How many layers a consolidated image has: one for each component and one for the lock, or one for all. */
export type ReleaseForm = 'layers' | 'squashed';

/** What to compose. */
export interface ComposeInputs {
  /** As `releaseLock` makes it. */
  readonly lock: EngineLock;
  /** The directory of each source, with exactly the content of its image. */
  readonly directories: ReadonlyMap<string, string>;
  readonly form: ReleaseForm;
  readonly report: Reporter;
}

/** The platform of a release: components mostly are files for any platform, and this is the one that every tool accepts. */
export const releasePlatform: WantedPlatform = { os: 'linux', architecture: 'amd64' };

/**
 * Composes the consolidated image of an engine inside an image layout: each component re-rooted at `/SOURCE`, the lock in
 * `/.engineshed/engineshed.lock` and in an annotation. The same lock gives the same image on every machine, and a component that
 * did not change has the layer that it had in the last release.
 * @throws EngineshedError `CONTENT_UNPUBLISHABLE`, `NAME_INVALID`, `FILE_PERMISSION`, `DISK_FULL`
 */
export async function composeRelease(layout: Layout, inputs: ComposeInputs): Promise<ComposedRelease> {
  const { lock, form, report } = inputs;
  const scratch = layout.temporaryFile();
  try {
    mkdirSync(scratch, { mode: 0o700 });
    const extra = `${scratch}/${releaseDirectory}`;
    mkdirSync(extra);
    writeFileSync(`${extra}/${releaseLockFile}`, formatReleaseLock(lock));
    const components = [
      ...Object.keys(lock.sources).map((source) => contentOf(inputs, source)),
      { directory: extra, under: releaseDirectory, externalLinks: 'reject' } as const,
    ];
    const groups = form === 'squashed' ? [components] : components.map((component) => [component]);
    const layers: ReleaseLayer[] = [];
    for (const group of groups) layers.push(await packGroup(layout, group, report));
    const created = youngest(lock);
    const { config, manifest } = buildImage({
      layers,
      platform: releasePlatform,
      annotations: {
        ...(created === undefined ? {} : { [annotationKeys.created]: created }),
        [annotationKeys.releaseLock]: canonicalJson(lock),
        ...requirementsOf(lock),
      },
      created,
      createdBy: 'engineshed release build',
    });
    for (const { descriptor, bytes } of [config, manifest])
      await layout.push(descriptor, async () => streamOf(bytes));
    return { manifest: manifest.descriptor, lock, layers, created };
  } catch (error) {
    throw inOperation(`Composing ${lock.name}`, error);
  } finally {
    await removeTree(scratch);
  }
}

function contentOf({ lock, directories }: ComposeInputs, source: string): PackedContent {
  const directory = directories.get(source);
  const locked = lock.sources[source];
  if (directory === undefined || locked === undefined || locked.kind === 'directory')
    throw new EngineshedError('INTERNAL', `The source ${source} has no files to compose`);
  const isInert = locked.layers.some(
    ({ descriptor }) => descriptor.annotations?.[annotationKeys.externalLinks] === 'inert',
  );
  return { directory, under: source, externalLinks: isInert ? 'inert' : 'reject' };
}

async function packGroup(
  layout: Layout,
  group: readonly PackedContent[],
  report: Reporter,
): Promise<ReleaseLayer> {
  const file = layout.temporaryFile();
  try {
    const packed = await packComponents(group, file, { report });
    await layout.adopt(file, packed.descriptor);
    const [only, ...more] = group;
    const source = more.length === 0 && only?.under !== releaseDirectory ? only?.under : undefined;
    const annotations = {
      ...(source === undefined ? {} : { [annotationKeys.layerSource]: source }),
      ...(group.some(({ externalLinks }) => externalLinks === 'inert')
        ? { [annotationKeys.externalLinks]: 'inert' }
        : {}),
    };
    const descriptor =
      Object.keys(annotations).length === 0 ? packed.descriptor : { ...packed.descriptor, annotations };
    return { source, descriptor, diffId: packed.diffId };
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

/** What the components need of a machine, with the paths of their checks as they are in the image. */
function requirementsOf({ sources }: EngineLock): Record<string, string> {
  const requirements = Object.entries(sources).flatMap(([name, source]) => {
    const text = source.kind === 'directory' ? undefined : source.annotations[requiresAnnotation];
    return (text === undefined ? [] : (parseRequirements(text) ?? [])).map((requirement) =>
      requirement.check === undefined
        ? requirement
        : { ...requirement, check: `${name}/${requirement.check}` },
    );
  });
  const distinct = new Map(requirements.map((requirement) => [canonicalJson(requirement), requirement]));
  return distinct.size === 0 ? {} : { [requiresAnnotation]: formatRequirements([...distinct.values()]) };
}

/** The time of the youngest component: of the lock alone, so that the image is the same whenever it is composed. */
function youngest({ sources }: EngineLock): string | undefined {
  const times = Object.values(sources).flatMap((source) => {
    const text = source.kind === 'directory' ? undefined : source.annotations[annotationKeys.created];
    const time = text === undefined ? Number.NaN : Date.parse(text);
    return Number.isNaN(time) ? [] : [time];
  });
  return times.length === 0 ? undefined : new Date(Math.max(...times)).toISOString().replace('.000Z', 'Z');
}
