import { createHash } from 'node:crypto';
import { canonicalJson } from '../oci/index.js';
import type { EngineLock, LockedImage, LockedSource } from './types.js';

/**
 * Names an engine's installed result: the first 16 hexadecimal digits of the sha256 of the canonical JSON of all that
 * decides it, which is the engine's name, each source's manifest digest and diffIDs (those of all platforms where it was locked for
 * several; a directory's path), the parts, the rules of the environment, the commands where it has some, and the platform where it
 * is not the machine's own. What only tells where it came from does not count: references, the registry, descriptions, the catalog.
 * So the same engine from a mirror or an image layout has the same id, and one with other content has another.
 */
export function lockId(lock: EngineLock): string {
  const decisive = {
    name: lock.name,
    sources: Object.fromEntries(
      Object.entries(lock.sources).map(([name, source]) => [name, sourceContent(source)]),
    ),
    parts: sortBy(lock.parts, (part) => part.type),
    environment: sortBy(lock.environment, (rule) => rule.name),
    commands: lock.commands === undefined ? undefined : sortBy(lock.commands, (command) => command.name),
    // The environment differs by platform.
    platform: lock.platform,
    linked: lock.linked,
  };
  return createHash('sha256').update(canonicalJson(decisive)).digest('hex').slice(0, 16);
}

function sourceContent(source: LockedSource): object {
  if (source.kind === 'directory') return { directory: source.path };
  const { images = [] } = source;
  if (images.length < 2) return imageContent(source);
  return { images: sortBy(images.map(imageContent), ({ manifest }) => manifest) };
}

function imageContent({ manifest, layers }: LockedImage) {
  return { manifest: manifest.digest, diffIds: layers.map((layer) => layer.diffId) };
}

function sortBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
