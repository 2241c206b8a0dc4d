import { EngineshedError } from '../errors/index.js';
import {
  choosePlatform,
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  imagesOf,
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

/** The manifest of an image as a place has it. */
export interface ImageManifest {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  /** The platforms of all images that it was chosen from; empty where there was no index. */
  readonly offered: readonly string[];
}

/** An image as a place has it: the manifest that was chosen, its config. */
export interface Image extends ImageManifest {
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/**
 * Reads a manifest or index, verified and parsed.
 * @throws EngineshedError as `ContentStore.fetch`, `readAll` and `parseManifest` do
 */
export async function readManifest(
  store: Pick<ContentStore, 'fetch'>,
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
  store: Pick<ContentStore, 'fetch'>,
  descriptor: Descriptor,
  platform: WantedPlatform,
): Promise<Image> {
  const found = await readImageManifest(store, descriptor, platform);
  return { ...found, ...(await readConfig(store, found.manifest)) };
}

/**
 * Reads the manifest that a descriptor leads to: through an index to the one for the platform.
 * @throws EngineshedError `PLATFORM_UNMATCHED`, `MANIFEST_INVALID`, and as {@link readManifest} does
 */
export async function readImageManifest(
  store: Pick<ContentStore, 'fetch'>,
  descriptor: Descriptor,
  platform: WantedPlatform,
): Promise<ImageManifest> {
  let at = descriptor;
  let offered: string[] = [];
  for (let depth = 0; depth <= maxIndexDepth; depth++) {
    const { bytes, parsed } = await readManifest(store, at);
    if (parsed.kind === 'manifest')
      return { descriptor: at, manifest: parsed.manifest, manifestBytes: bytes, offered };
    at = choosePlatform(parsed.index, platform);
    offered = imagesOf(parsed.index).map((image) =>
      image.platform ? formatPlatform(image.platform) : 'any',
    );
  }
  throw new EngineshedError(
    'MANIFEST_INVALID',
    `${descriptor.digest} has indexes more than ${maxIndexDepth} deep inside each other`,
  );
}

/**
 * Reads the config of an image.
 * @throws EngineshedError `MANIFEST_INVALID`, `JSON_INVALID`, and as `ContentStore.fetch` and `readAll` do
 */
export async function readConfig(
  store: Pick<ContentStore, 'fetch'>,
  { config }: Manifest,
): Promise<Pick<Image, 'config' | 'configBytes'>> {
  const configBytes = await readAll(await store.fetch(config), config, maxConfigBytes);
  return { config: parseConfig(configBytes, config), configBytes };
}
