import {
  annotationKeys,
  choosePlatform,
  type Descriptor,
  isImageConfig,
  type WantedPlatform,
} from '../oci/index.js';
import { readConfig, readManifest } from './image.js';
import type { ContentStore } from './types.js';

/**
 * When an image was made, as it tells itself: by the annotation of its manifest or index, else by its config.
 * @param platform whose time counts for an index that tells none
 * @returns RFC 3339, where the image is honest; undefined where it tells nothing
 * @throws EngineshedError as `readManifest`, `readConfig` and `choosePlatform` do
 */
export async function createdOf(
  target: Pick<ContentStore, 'fetch'>,
  descriptor: Descriptor,
  platform: WantedPlatform,
): Promise<string | undefined> {
  let at = descriptor;
  for (let depth = 0; depth < 2; depth++) {
    const { parsed } = await readManifest(target, at);
    const { annotations } = parsed.kind === 'index' ? parsed.index : parsed.manifest;
    const created = annotations?.[annotationKeys.created];
    if (created !== undefined) return created;
    if (parsed.kind === 'manifest') {
      const { manifest } = parsed;
      return isImageConfig(manifest.config) ? (await readConfig(target, manifest)).config.created : undefined;
    }
    at = choosePlatform(parsed.index, platform);
  }
  return undefined;
}
