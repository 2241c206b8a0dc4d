import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  choosePlatform,
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  imagesOf,
  isIndexType,
  type Manifest,
  maxConfigBytes,
  maxManifestBytes,
  type ParsedManifest,
  parseConfig,
  parseManifest,
  type WantedPlatform,
} from '../oci/index.js';
import { mapLimited } from './limit.js';
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

/** The most images that an index may have for all of them to be read. */
const maxImages = 100;

/** Every image that a descriptor leads to. */
export interface ImageSet {
  /** In the order of the index, each once; the one, where there is no index. */
  readonly images: readonly Image[];
  /** The platforms of those that the index names and the place does not have, as where only one of them was copied there. */
  readonly missing: readonly string[];
}

/**
 * Reads all images that a descriptor leads to: of an index those for every platform.
 * @throws EngineshedError `MANIFEST_INVALID`, `PLATFORM_UNMATCHED` where there is none, and as {@link readManifest} does
 */
export async function readAllImages(
  store: Pick<ContentStore, 'fetch'>,
  descriptor: Descriptor,
): Promise<ImageSet> {
  const found = new Map<string, Descriptor>();
  const indexes = new Set<string>();
  const collect = async (at: Descriptor, depth: number): Promise<void> => {
    if (depth > maxIndexDepth || found.size > maxImages || indexes.size > maxImages)
      throw new EngineshedError(
        'MANIFEST_INVALID',
        `${descriptor.digest} has more than ${maxImages} images, or indexes more than ${maxIndexDepth} deep inside each other`,
      );
    if (!isIndexType(at.mediaType)) {
      if (!found.has(at.digest)) found.set(at.digest, at);
      return;
    }
    // One that names another a thousand times, which does the same, would have it read a million times.
    if (indexes.has(at.digest)) return;
    indexes.add(at.digest);
    const { parsed } = await readManifest(store, at);
    if (parsed.kind === 'index') for (const image of imagesOf(parsed.index)) await collect(image, depth + 1);
  };
  await collect(descriptor, 0);
  const missing: string[] = [];
  const read = await mapLimited([...found.values()], concurrentImages, async (at) => {
    try {
      const { bytes, parsed } = await readManifest(store, at);
      if (parsed.kind === 'index') throw new EngineshedError('INTERNAL', `${at.digest} is no manifest`);
      const { manifest } = parsed;
      return {
        descriptor: at,
        manifest,
        manifestBytes: bytes,
        offered: [],
        ...(await readConfig(store, manifest)),
      };
    } catch (error) {
      if (found.size === 1 || !isEngineshedError(error, 'CONTENT_NOT_FOUND', 'REFERENCE_NOT_FOUND'))
        throw error;
      missing.push(at.platform === undefined ? at.digest : formatPlatform(at.platform));
      return undefined;
    }
  });
  const images = read.filter((image) => image !== undefined);
  if (images.length > 0) return { images, missing: missing.sort() };
  throw new EngineshedError('PLATFORM_UNMATCHED', `${descriptor.digest} leads to no image for any platform`);
}

/** How many images of an index are read at the same time. */
const concurrentImages = 8;

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
