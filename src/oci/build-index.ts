import { type BuiltManifest, type Descriptor, describe, type Platform } from './manifest.js';
import { mediaTypes } from './media-types.js';
import { formatPlatform } from './platform.js';

/** An image for one platform. */
export interface IndexEntry {
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/**
 * Builds an index over images of different platforms, in the order of the platforms' names. Pure: the same images give the same
 * bytes.
 */
export function buildIndex(
  entries: readonly IndexEntry[],
  annotations: Readonly<Record<string, string>>,
): BuiltManifest & { readonly manifests: readonly Descriptor[] } {
  const nameOf = ({ platform }: IndexEntry) => `${formatPlatform(platform)} ${platform['os.version'] ?? ''}`;
  const manifests = [...entries]
    .sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1))
    .map(({ descriptor: { mediaType, digest, size }, platform }) => ({ mediaType, digest, size, platform }));
  const sorted = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.imageIndex,
      manifests,
      ...(sorted.length === 0 ? {} : { annotations: Object.fromEntries(sorted) }),
    }),
  );
  return { descriptor: describe(mediaTypes.imageIndex, bytes), bytes, manifests };
}
