import { type ContentStore, readConfig, readImageManifest } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  imageLayers,
  isImageConfig,
  type Manifest,
  type WantedPlatform,
} from '../oci/index.js';

/**
 * The layers of the image that a descriptor leads to, lowest first: through an index to the one for the platform.
 * @throws EngineshedError `MEDIA_TYPE_UNSUPPORTED` for an artifact that is no image, `PLATFORM_UNMATCHED`,
 *   `MANIFEST_INVALID`, and as the content does
 */
export async function readLayers(
  content: ContentStore,
  descriptor: Descriptor,
  platform: WantedPlatform,
): Promise<{ descriptor: Descriptor; diffId: Digest }[]> {
  const { manifest } = await readImageManifest(content, descriptor, platform);
  if (!isImageConfig(manifest.config)) {
    const type = artifactTypeOf(manifest);
    throw new EngineshedError(
      'MEDIA_TYPE_UNSUPPORTED',
      `${descriptor.digest} is an artifact of the type "${type}"`,
      {
        hint: 'An image has files, an artifact has blobs: see them with "engineshed inspect".',
        details: { actual: type },
      },
    );
  }
  const { config } = await readConfig(content, manifest);
  return imageLayers(manifest, config);
}

/** The type of an artifact: what it says, else the media type of its config (image specification, "Artifacts Guidance"). */
export function artifactTypeOf({ artifactType, config }: Manifest): string {
  return artifactType ?? config.mediaType;
}
