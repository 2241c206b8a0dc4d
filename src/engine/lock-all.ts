import { mapLimited, type Reporter, readAllImages, resolveReference, type Target } from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import { formatReference } from '../oci/index.js';
import { type ImageSource, imageOf, lockedDirectory, type ResolveOptions } from './resolve.js';
import type { EngineDefinition, EngineLock, LockedImageSource, LockedSource } from './types.js';

/** How many sources of an engine are resolved at the same time. */
const concurrentSources = 8;

/** What locking an engine needs from outside. */
export interface LockOptions extends Pick<ResolveOptions, 'target' | 'directoryExists' | 'report'> {
  /** What is known of a source already, and is to stay; undefined where it is to be resolved. */
  readonly known: (name: string) => LockedImageSource | undefined;
}

/**
 * Resolves an engine for every platform: as `resolveEngine` does, but of an index all images are read and locked, so that the
 * lock, and its id, is the same wherever it is made.
 * @returns the lock; each image has `images`, and says of itself what the first of them says
 * @throws EngineshedError as `resolveEngine` and `readAllImages` do
 */
export async function lockEngine(definition: EngineDefinition, options: LockOptions): Promise<EngineLock> {
  const begun = new Map<string, Promise<LockedSource>>();
  const locked = await mapLimited(
    Object.entries(definition.sources),
    concurrentSources,
    async ([name, source]): Promise<[string, LockedSource]> => {
      const known = options.known(name);
      if (known !== undefined) return [name, known];
      const key =
        source.kind === 'directory' ? `directory ${source.path}` : formatReference(source.reference);
      const locking =
        begun.get(key) ??
        (source.kind === 'directory'
          ? lockedDirectory(source.path, options.directoryExists)
          : lockImages(source, options.target(source), options.report));
      begun.set(key, locking);
      try {
        const found = await locking;
        if (found.kind !== 'directory')
          options.report?.({ type: 'resolved', what: name, digest: found.resolved });
        return [name, found];
      } catch (error) {
        throw inOperation(`source "${name}"`, error);
      }
    },
  );
  const { sources: _, ...rest } = definition;
  return { ...rest, sources: Object.fromEntries(locked) };
}

async function lockImages(
  source: ImageSource,
  target: Target,
  report: Reporter | undefined,
): Promise<LockedImageSource> {
  const reference = formatReference(source.reference);
  const resolved = await resolveReference(target, source.reference);
  const { images, missing } = await readAllImages(target, resolved);
  if (missing.length > 0) {
    const message = `${reference} has no image for ${missing.join(', ')}, though its index says so: the lock is not for those`;
    report?.({ type: 'warning', message });
  }
  const [first, ...others] = images.map(imageOf);
  if (first === undefined) throw new EngineshedError('INTERNAL', `${reference} has no image`);
  return {
    kind: source.kind,
    reference,
    resolved: resolved.digest,
    ...first,
    images: [first, ...others],
  };
}
