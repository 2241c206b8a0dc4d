import {
  type Image,
  mapLimited,
  type Reporter,
  readImage,
  resolveReference,
  type Target,
} from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  imageLayers,
  layerCompression,
  type WantedPlatform,
} from '../oci/index.js';
import type {
  EngineDefinition,
  EngineLock,
  LockedImage,
  LockedImageSource,
  LockedLayer,
  LockedSource,
  SourceDefinition,
} from './types.js';

/** How many sources of an engine are resolved at the same time. */
const concurrentSources = 8;

/** A source whose content has to be got from somewhere. */
export type ImageSource = Extract<SourceDefinition, { readonly kind: 'image' | 'layout' }>;

/** What resolving an engine needs from outside. */
export interface ResolveOptions {
  /** The place that a source's reference is in. */
  readonly target: (source: ImageSource) => Target;
  /** The platform to choose from an index. */
  readonly platform: WantedPlatform;
  /** Tells whether a directory stands at an absolute path. */
  readonly directoryExists: (path: string) => Promise<boolean>;
  readonly report?: Reporter | undefined;
}

/**
 * Resolves an engine: each source's tag to a digest, once for all sources that name it, and on to manifest, config and
 * layers, all verified. Sources go side by side. A reference with a digest and no tag asks for no tag.
 * @returns the lock; sources in the definition's order
 * @throws EngineshedError with the source's name before the message: `DIGEST_MISMATCH` where a reference has a tag and a
 *   digest and the tag stands for another, `MEDIA_TYPE_UNSUPPORTED` for a layer that no reader knows, `PATH_NOT_FOUND` for
 *   a missing directory, and what `TagResolver.resolve`, `readImage` and `imageLayers` throw
 */
export async function resolveEngine(
  definition: EngineDefinition,
  options: ResolveOptions,
): Promise<EngineLock> {
  const begun = new Map<string, Promise<Found>>();
  const locked = await mapLimited(
    Object.entries(definition.sources),
    concurrentSources,
    async ([name, source]): Promise<[string, LockedSource]> => {
      const key =
        source.kind === 'directory' ? `directory ${source.path}` : formatReference(source.reference);
      const resolved = begun.get(key) ?? resolveSource(source, options);
      begun.set(key, resolved);
      try {
        const found = await resolved;
        tell(name, found, options.report);
        return [name, found.source];
      } catch (error) {
        throw inOperation(`source "${name}"`, error);
      }
    },
  );
  const { name, description, kind, catalog, parts, environment, commands, requires } = definition;
  return {
    name,
    description,
    kind,
    catalog,
    sources: Object.fromEntries(locked),
    parts,
    environment,
    ...(commands === undefined ? {} : { commands }),
    ...(requires === undefined ? {} : { requires }),
  };
}

/** A source as it was found, with the platforms that there was a choice of. */
interface Found {
  readonly source: LockedSource;
  readonly offered: readonly string[];
}

async function resolveSource(source: SourceDefinition, options: ResolveOptions): Promise<Found> {
  if (source.kind !== 'directory') return resolveImage(source, options);
  return { source: await lockedDirectory(source.path, options.directoryExists), offered: [] };
}

/**
 * A directory as a source.
 * @throws EngineshedError `PATH_NOT_FOUND`
 */
export async function lockedDirectory(
  path: string,
  exists: ResolveOptions['directoryExists'],
): Promise<LockedSource> {
  if (await exists(path)) return { kind: 'directory', path };
  throw new EngineshedError('PATH_NOT_FOUND', `There is no directory ${path}`, { details: { path } });
}

async function resolveImage(source: ImageSource, options: ResolveOptions): Promise<Found> {
  const target = options.target(source);
  const reference = formatReference(source.reference);
  const resolved = await resolveReference(target, source.reference);
  const image = await readImage(target, resolved, options.platform);
  return {
    offered: image.offered,
    source: lockedImage(image, { kind: source.kind, reference, resolved: resolved.digest }),
  };
}

/**
 * What a lock says of an image.
 * @param asked what was asked for, and the digest that it stood for
 * @throws EngineshedError `MANIFEST_INVALID`, `MEDIA_TYPE_UNSUPPORTED` for a layer that no reader knows
 */
export function lockedImage(
  image: Pick<Image, 'descriptor' | 'manifest' | 'config'>,
  asked: Pick<LockedImageSource, 'kind' | 'reference' | 'resolved'>,
): LockedImageSource {
  const { kind, reference, resolved } = asked;
  return { kind, reference, resolved, ...imageOf(image) };
}

/**
 * What a lock says of an image wherever it came from.
 * @throws EngineshedError as {@link lockedImage} does
 */
export function imageOf(image: Pick<Image, 'descriptor' | 'manifest' | 'config'>): LockedImage {
  const platform = platformOf(image);
  return {
    manifest: plain(image.descriptor),
    ...(platform === undefined ? {} : { platform }),
    config: plain(image.manifest.config),
    layers: imageLayers(image.manifest, image.config).map(lockedLayer),
    annotations: image.manifest.annotations ?? {},
  };
}

/** What the index says of the image counts, for it was chosen by that. */
function platformOf({ descriptor, config }: Pick<Image, 'descriptor' | 'config'>): string | undefined {
  if (descriptor.platform !== undefined) return formatPlatform(descriptor.platform);
  const { os, architecture, variant } = config;
  return os === undefined || architecture === undefined
    ? undefined
    : formatPlatform({ os, architecture, variant });
}

function tell(name: string, { source, offered }: Found, report: Reporter | undefined): void {
  if (source.kind === 'directory') return;
  report?.({ type: 'resolved', what: name, digest: source.resolved });
  if (offered.length > 1 && source.platform !== undefined)
    report?.({ type: 'picked', what: name, platform: source.platform, offered });
}

function lockedLayer({ descriptor, diffId }: LockedLayer): LockedLayer {
  if (layerCompression(descriptor.mediaType) !== undefined) return { descriptor: plain(descriptor), diffId };
  throw new EngineshedError(
    'MEDIA_TYPE_UNSUPPORTED',
    `The layer ${descriptor.digest} has the media type "${descriptor.mediaType}", which cannot be read`,
    {
      hint: 'Layers are tar archives, plain or compressed with gzip or zstd. An artifact of another sort is no component.',
      details: { actual: descriptor.mediaType },
    },
  );
}

/** Only what a lock needs: no inline data, no addresses. */
function plain({ mediaType, digest, size, annotations, platform }: Descriptor): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  };
}
