import { rmSync } from 'node:fs';
import { copy, type Layout, type Reporter, streamOf, type Target } from '../content/index.js';
import { inOperation } from '../errors/index.js';
import type { Owner } from '../files/index.js';
import { packDirectory, type WrittenCompression } from '../layer/index.js';
import {
  annotationKeys,
  buildImage,
  type Descriptor,
  type Digest,
  formatTime,
  type WantedPlatform,
} from '../oci/index.js';
import type { Checkout } from './checkout.js';
import type { Feature } from './pipeline.js';
import { withStage } from './stage.js';
import { checkoutVersion } from './tags.js';

/**
 * The platform that an image states of which nobody says otherwise. Components mostly are files for any platform; this is the
 * one that every tool accepts.
 */
export const statedPlatform: WantedPlatform = { os: 'linux', architecture: 'amd64' };

/** What to publish. */
export interface PublishInputs {
  readonly directory: string;
  /** What git says of the directory; undefined where it is no checkout. */
  readonly checkout: Checkout | undefined;
  /** The branch or pull request that the image is to tell that it is of. */
  readonly feature?: Feature | undefined;
  /** Annotations that are added, and win over those from git. */
  readonly annotations: Readonly<Record<string, string>>;
  /** `SOURCE_DATE_EPOCH`, in seconds: the time of every file, and of creation. */
  readonly sourceDateEpoch: number | undefined;
  /** The platform that the image states. */
  readonly platform: WantedPlatform;
  /** How its layer is compressed; gzip unless told. */
  readonly compression?: WrittenCompression | undefined;
  /** Whether symbolic links that are absolute or lead out of the directory are refused or kept. */
  readonly externalLinks: 'reject' | 'inert';
  readonly report: Reporter;
}

/** An image that was packed. */
export interface PackedImage {
  /** The descriptor of the manifest. */
  readonly manifest: Descriptor;
  readonly layer: Descriptor;
  readonly diffId: Digest;
  /** How many files, directories and links the layer has. */
  readonly entries: number;
  /** The content of the files, in bytes, uncompressed. */
  readonly contentBytes: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform: WantedPlatform;
}

/**
 * Packs a directory into an image of one layer, inside an OCI image layout. The same content gives the same layer; the same
 * content of the same commit gives the same image.
 * @throws EngineshedError `CONTENT_UNPUBLISHABLE`, `PATH_NOT_FOUND`, `FILE_PERMISSION`, `DISK_FULL`
 */
export async function packImage(layout: Layout, inputs: PublishInputs): Promise<PackedImage> {
  const { directory, report } = inputs;
  const file = layout.temporaryFile();
  try {
    const packed = await packDirectory(directory, file, {
      mtime: inputs.sourceDateEpoch ?? 0,
      externalLinks: inputs.externalLinks,
      compression: inputs.compression,
      report,
    });
    for (const message of packed.warnings) report({ type: 'warning', message });
    await layout.adopt(file, packed.descriptor);
    const links =
      inputs.externalLinks === 'inert' ? { annotations: { [annotationKeys.externalLinks]: 'inert' } } : {};
    const layer = { ...packed.descriptor, ...links };
    const annotations = { ...gitAnnotations(inputs), ...inputs.annotations };
    const { config, manifest } = buildImage({
      layers: [{ descriptor: layer, diffId: packed.diffId }],
      platform: inputs.platform,
      annotations,
      created: annotations[annotationKeys.created],
      createdBy: 'engineshed publish',
    });
    for (const { descriptor, bytes } of [config, manifest])
      await layout.push(descriptor, async () => streamOf(bytes));
    const { diffId, entries, contentBytes } = packed;
    const { platform } = inputs;
    return { manifest: manifest.descriptor, layer, diffId, entries, contentBytes, annotations, platform };
  } catch (error) {
    rmSync(file, { force: true });
    throw inOperation(`Packing ${directory}`, error);
  }
}

/**
 * Packs a directory and pushes the image. A layout as destination is packed into directly.
 * @param temporary a directory for the layer until it is pushed; it must have room for the compressed content
 * @throws EngineshedError as {@link packImage} and `copy` do
 */
export async function publish(
  inputs: PublishInputs,
  destination: Layout | Target,
  options: { readonly tags: readonly string[]; readonly temporary: string; readonly owner: Owner },
): Promise<PackedImage> {
  const { tags, temporary, owner } = options;
  if ('adopt' in destination) {
    const image = await packImage(destination, inputs);
    for (const tag of tags) await destination.tag(image.manifest, tag);
    return image;
  }
  return withStage(temporary, owner, async (stage) => {
    const image = await packImage(stage, inputs);
    await copy(stage, image.manifest, destination, { tags, report: inputs.report });
    return image;
  });
}

function gitAnnotations({ checkout, feature, sourceDateEpoch }: PublishInputs): Record<string, string> {
  const time = sourceDateEpoch ?? checkout?.committed;
  const known = {
    [annotationKeys.created]: time === undefined ? undefined : formatTime(time),
    [annotationKeys.revision]: checkout && `${checkout.revision}${checkout.dirty ? '-dirty' : ''}`,
    [annotationKeys.source]: checkout?.source,
    [annotationKeys.version]: checkout && checkoutVersion(checkout),
    [annotationKeys.branch]: feature?.branch,
    [annotationKeys.pullRequest]: feature?.pullRequest?.toString(),
  };
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
