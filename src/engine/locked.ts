import { EngineshedError } from '../errors/index.js';
import { canonicalJson } from '../oci/index.js';
import { contentKeys } from './project-lock.js';
import type { EngineDefinition, EngineLock, LockedImage, LockedSource, SourceDefinition } from './types.js';

/**
 * A definition that asks for what a lock has: each image by its digest, whatever its tag stands for now.
 * @param definition tells the place of each image, which may be a mirror of the one that the lock names
 */
export function atDigests(definition: EngineDefinition, lock: EngineLock): EngineDefinition {
  const sources = Object.entries(definition.sources).map(([name, source]): [string, SourceDefinition] => {
    const locked = lock.sources[name];
    if (source.kind === 'directory' || locked === undefined || locked.kind === 'directory')
      return [name, source];
    const pinned = { tag: undefined, digest: locked.resolved };
    return source.kind === 'image'
      ? [name, { kind: 'image', reference: { ...source.reference, ...pinned } }]
      : [name, { kind: 'layout', reference: { ...source.reference, ...pinned } }];
  });
  return { ...definition, sources: Object.fromEntries(sources) };
}

/**
 * The lock of one platform's state, out of the lock of a project.
 * @param lock for all platforms
 * @param found what the digests of the lock lead to on this platform
 * @throws EngineshedError `LOCK_INVALID` where that is not what the lock says, to the last digest and size; `LOCK_OUTDATED` where
 *   the lock has no image for this platform
 */
export function lockForPlatform(lock: EngineLock, found: EngineLock): EngineLock {
  const sources = Object.entries(found.sources).map(([name, source]) => [
    name,
    lockedFor(name, lock.sources[name], source),
  ]);
  const content = contentKeys.map((key) => [key, (lock as unknown as Record<string, unknown>)[key]]);
  const about = Object.entries(found).filter(([key]) => !contentKeys.some((known) => known === key));
  return {
    ...Object.fromEntries([...about, ...content.filter(([, value]) => value !== undefined)]),
    sources: Object.fromEntries(sources),
  } as EngineLock;
}

function lockedFor(name: string, locked: LockedSource | undefined, found: LockedSource): LockedSource {
  if (locked === undefined) throw new EngineshedError('INTERNAL', `The lock has no source "${name}"`);
  if (locked.kind === 'directory' || found.kind === 'directory') return found;
  const { images = [locked] } = locked;
  const image = images.find(({ manifest }) => manifest.digest === found.manifest.digest);
  if (image === undefined) {
    const there = images.map(({ platform }) => platform ?? 'any').join(', ');
    throw new EngineshedError(
      'LOCK_OUTDATED',
      `The lock has no image of "${name}" for this platform, which ${found.platform ?? found.manifest.digest} is for; it has: ${there}`,
      { hint: 'Lock it again, where all platforms can be read: engineshed update' },
    );
  }
  if (canonicalJson(contentOf(image)) !== canonicalJson(contentOf(found))) {
    throw new EngineshedError(
      'LOCK_INVALID',
      `The lock has other digests, or sizes, of "${name}" than the image ${found.manifest.digest} that it names`,
      { hint: 'It was changed by hand. Take it from the version control again, or run: engineshed update' },
    );
  }
  const { images: _, ...rest } = locked;
  return { ...rest, ...imageOnly(found), ...(images.length > 1 ? { images } : {}) };
}

/** Descriptors tell what an index says of an image, too; what counts is the image. */
function contentOf({ manifest, config, layers, annotations }: LockedImage): object {
  const exact = ({ mediaType, digest, size }: LockedImage['manifest']) => ({ mediaType, digest, size });
  return {
    manifest: exact(manifest),
    config: exact(config),
    layers: layers.map(({ descriptor, diffId }) => ({ descriptor: exact(descriptor), diffId })),
    annotations,
  };
}

function imageOnly({ manifest, platform, config, layers, annotations }: LockedImage): LockedImage {
  return { manifest, ...(platform === undefined ? {} : { platform }), config, layers, annotations };
}
