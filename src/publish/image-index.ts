import { copy, type Reporter, readConfig, readManifest, streamOf, type Target } from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import {
  buildIndex,
  type Descriptor,
  formatPlatform,
  imagesOf,
  type Manifest,
  type Platform,
} from '../oci/index.js';

/** An image that an index is made of. */
export interface IndexSource {
  readonly target: Target;
  readonly descriptor: Descriptor;
  /** What it is called in messages. */
  readonly label: string;
}

/** What to make an index of. */
export interface IndexInputs {
  readonly sources: readonly IndexSource[];
  readonly tags: readonly string[];
  /** Annotations that are added, and win over those of the images. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly report: Reporter;
}

/** An index that was pushed. */
export interface PublishedIndex {
  readonly index: Descriptor;
  /** The images with their platforms, in the index's order. */
  readonly images: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Makes one index over images of different platforms: copies them to where the index will be, unless they are there, pushes it
 * and tags it. The platform of an image is the one that its config states; images of an index keep what that says of them.
 * The annotations on which all images agree become those of the index. The same images give the same index, in any order.
 * @throws EngineshedError `USAGE` where two images are for the same platform, `MANIFEST_INVALID` where one states no platform,
 * and as `copy` does
 */
export async function publishIndex(target: Target, inputs: IndexInputs): Promise<PublishedIndex> {
  const { tags, report } = inputs;
  const { found, bytes, ...published } = await makeIndex(inputs);
  const descriptor = published.index;
  for (const image of found) await copy(image.source.target, image.descriptor, target, { tags: [], report });
  try {
    await target.push(descriptor, async () => streamOf(bytes));
    for (const tag of tags) await target.tag(descriptor, tag);
  } catch (error) {
    throw inOperation(`Publishing the index to ${target.label}`, error);
  }
  return published;
}

/**
 * The index that {@link publishIndex} would push.
 * @throws EngineshedError as that does before anything is copied
 */
export async function planIndex(inputs: IndexInputs): Promise<PublishedIndex> {
  const { index, images, annotations } = await makeIndex(inputs);
  return { index, images, annotations };
}

/** The index with its bytes and the images that it is made of. */
async function makeIndex(
  inputs: IndexInputs,
): Promise<PublishedIndex & { readonly bytes: Uint8Array; readonly found: readonly PlatformImage[] }> {
  const found: PlatformImage[] = [];
  for (const source of inputs.sources) found.push(...(await imagesOfSource(source)));
  refuseTwice(found);
  const annotations = { ...commonAnnotations(found), ...inputs.annotations };
  const entries = found.map(({ descriptor, platform }) => ({ descriptor, platform }));
  const { descriptor, bytes, manifests } = buildIndex(entries, annotations);
  return { index: descriptor, images: manifests, annotations, bytes, found };
}

/** An image with all that the index says of it. */
interface PlatformImage {
  readonly source: IndexSource;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly platform: Platform;
}

/** A build tool may have made an index for one platform already, with attestations beside it. */
async function imagesOfSource(source: IndexSource): Promise<PlatformImage[]> {
  const { target, descriptor, label } = source;
  const { parsed } = await readManifest(target, descriptor);
  if (parsed.kind === 'manifest') return [await imageOf(source, descriptor, parsed.manifest)];
  const images: PlatformImage[] = [];
  for (const entry of imagesOf(parsed.index)) {
    const inner = await readManifest(target, entry);
    if (inner.parsed.kind === 'index')
      throw new EngineshedError('MANIFEST_INVALID', `${label} is an index that has another index in it`);
    images.push(await imageOf(source, entry, inner.parsed.manifest));
  }
  if (images.length > 0) return images;
  throw new EngineshedError('MANIFEST_INVALID', `${label} is an index without images`);
}

async function imageOf(
  source: IndexSource,
  descriptor: Descriptor,
  manifest: Manifest,
): Promise<PlatformImage> {
  if (descriptor.platform !== undefined)
    return { source, descriptor, manifest, platform: descriptor.platform };
  const { config } = await readConfig(source.target, manifest);
  const { os, architecture, variant } = config;
  if (os === undefined || architecture === undefined || os === '' || architecture === '') {
    throw new EngineshedError('MANIFEST_INVALID', `${source.label} states no platform`, {
      hint: 'Publish it with --platform OS/ARCH.',
      details: { reference: source.label },
    });
  }
  const platform = {
    architecture,
    os,
    ...(config['os.version'] === undefined ? {} : { 'os.version': config['os.version'] }),
    ...(config['os.features'] === undefined ? {} : { 'os.features': config['os.features'] }),
    ...(variant === undefined || variant === '' ? {} : { variant }),
  };
  return { source, descriptor, manifest, platform };
}

function refuseTwice(images: readonly PlatformImage[]): void {
  const seen = new Map<string, PlatformImage>();
  for (const image of images) {
    const key = `${formatPlatform(image.platform)} ${image.platform['os.version'] ?? ''}`.trim();
    const other = seen.get(key);
    if (other !== undefined) {
      throw new EngineshedError(
        'USAGE',
        `${other.source.label} and ${image.source.label} are both for ${key}: an index has one image for a platform`,
        { hint: 'Publish one of them with another --platform, or leave it out.' },
      );
    }
    seen.set(key, image);
  }
}

function commonAnnotations(images: readonly PlatformImage[]): Record<string, string> {
  const [first, ...others] = images.map(({ manifest }) => manifest.annotations ?? {});
  return Object.fromEntries(
    Object.entries(first ?? {}).filter(([key, value]) => others.every((other) => other[key] === value)),
  );
}
