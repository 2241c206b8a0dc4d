import { EngineshedError } from '../errors/index.js';
import {
  choosePlatform,
  type Descriptor,
  type ImageConfig,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
  type ParsedManifest,
  parseConfig,
  parseManifest,
  type WantedPlatform,
} from '../oci/index.js';
import type { ContentStore } from './types.js';
import { readAll } from './verify.js';

/** How deep an index may lie inside an index. */
const maxIndexDepth = 3;

/** An image as a place has it: what was asked for, the manifest that was chosen, its config. */
export interface Image {
  /** The descriptor of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/**
 * Reads a manifest or index, verified and parsed.
 * @throws EngineshedError as `ContentStore.fetch`, `readAll` and `parseManifest` do
 */
export async function readManifest(
  store: ContentStore,
  descriptor: Descriptor,
): Promise<{ bytes: Buffer; parsed: ParsedManifest }> {
  const bytes = await readAll(await store.fetch(descriptor), descriptor, maxManifestBytes);
  return { bytes, parsed: parseManifest(bytes, descriptor) };
}

/**
 * Reads the image that a descriptor leads to: through an index to the manifest for the platform, and its config.
 * @throws EngineshedError `PLATFORM_UNMATCHED`, `MANIFEST_INVALID`, and as {@link readManifest} does
 */
export async function readImage(
  store: ContentStore,
  descriptor: Descriptor,
  platform: WantedPlatform,
): Promise<Image> {
  let at = descriptor;
  for (let depth = 0; depth <= maxIndexDepth; depth++) {
    const { bytes, parsed } = await readManifest(store, at);
    if (parsed.kind === 'manifest') {
      const { manifest } = parsed;
      const configBytes = await readAll(await store.fetch(manifest.config), manifest.config, maxConfigBytes);
      return {
        descriptor: at,
        manifest,
        manifestBytes: bytes,
        config: parseConfig(configBytes, manifest.config),
        configBytes,
      };
    }
    at = choosePlatform(parsed.index, platform);
  }
  throw new EngineshedError(
    'MANIFEST_INVALID',
    `${descriptor.digest} has indexes more than ${maxIndexDepth} deep inside each other`,
  );
}
