import * as v from 'valibot';
import { type ContentStore, readConfig, readImageManifest, readManifest } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import {
  annotationKeys,
  choosePlatform,
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  type Index,
  imageLayers,
  isImageConfig,
  type Manifest,
  type WantedPlatform,
} from '../oci/index.js';
import { artifactTypeOf } from './image.js';

/** What a name of an image leads to. */
export interface Inspection extends Content {
  /** Where the name stands for an index. */
  readonly index?: InspectedIndex;
  /** The image that the name stands for, or the one of the index for the platform. */
  readonly image?: InspectedImage;
  /** In the place of `image`, where its config is not that of an image. */
  readonly artifact?: InspectedArtifact;
}

/** Some content; `size` is in bytes. */
export interface Content {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

/** An index. */
export interface InspectedIndex {
  readonly artifactType?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly manifests: readonly (Content & {
    /** `os/architecture[/variant]`. */
    readonly platform?: string | undefined;
    readonly artifactType?: string | undefined;
    readonly annotations: Readonly<Record<string, string>>;
  })[];
}

/** An image. */
export interface InspectedImage extends Content {
  /** `os/architecture[/variant]`, as its config says. */
  readonly platform?: string | undefined;
  /** RFC 3339. */
  readonly created?: string | undefined;
  /** What it says of the component in it, by annotations, else by labels. */
  readonly version?: string | undefined;
  readonly revision?: string | undefined;
  readonly source?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly config: Content;
  /** Lowest first. */
  readonly layers: readonly (Content & { readonly diffId: string })[];
  /** The bytes of all layers, compressed as they are. */
  readonly layersSize: number;
  /** The digest of what it refers to, where it refers to something. */
  readonly subject?: string | undefined;
}

/** A manifest of something that is no image. */
export interface InspectedArtifact extends Content {
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly config: Content;
  readonly blobs: readonly (Content & { readonly title?: string | undefined })[];
  /** The digest of what it refers to, where it refers to something. */
  readonly subject?: string | undefined;
}

/** How to choose from an index. */
export interface InspectOptions {
  readonly platform: WantedPlatform;
  /** What to do where the index has nothing for the platform. */
  readonly unmatched: 'reject' | 'leave out';
}

/**
 * Reads what a descriptor leads to, and no layer: for an image two requests, for an index three.
 * @throws EngineshedError `PLATFORM_UNMATCHED`, `MANIFEST_INVALID`, `MEDIA_TYPE_UNSUPPORTED`, and as the content does
 */
export async function inspectImage(
  content: ContentStore,
  descriptor: Descriptor,
  { platform, unmatched }: InspectOptions,
): Promise<Inspection> {
  const { parsed } = await readManifest(content, descriptor);
  const root = plain(descriptor);
  if (parsed.kind === 'manifest')
    return { ...root, ...(await inspected(content, descriptor, parsed.manifest)) };
  const index = inspectedIndex(parsed.index);
  try {
    const found = await readImageManifest(content, choosePlatform(parsed.index, platform), platform);
    return { ...root, index, ...(await inspected(content, found.descriptor, found.manifest)) };
  } catch (error) {
    if (unmatched === 'reject' || !isEngineshedError(error, 'PLATFORM_UNMATCHED')) throw error;
    return { ...root, index };
  }
}

async function inspected(
  content: ContentStore,
  descriptor: Descriptor,
  manifest: Manifest,
): Promise<Pick<Inspection, 'image' | 'artifact'>> {
  if (!isImageConfig(manifest.config)) return { artifact: inspectedArtifact(descriptor, manifest) };
  const { config } = await readConfig(content, manifest);
  return { image: inspectedImage(descriptor, manifest, config) };
}

function inspectedIndex({ artifactType, annotations = {}, manifests }: Index): InspectedIndex {
  return {
    artifactType,
    annotations,
    manifests: manifests.map((entry) => ({
      ...plain(entry),
      platform: entry.platform === undefined ? undefined : formatPlatform(entry.platform),
      artifactType: entry.artifactType,
      annotations: entry.annotations ?? {},
    })),
  };
}

function inspectedImage(descriptor: Descriptor, manifest: Manifest, config: ImageConfig): InspectedImage {
  const { annotations = {}, layers } = manifest;
  const { Labels: labels, Entrypoint: entrypoint, Cmd: command } = runtimeOf(config);
  const said = (key: string) => annotations[key] ?? labels[key];
  const { os, architecture } = config;
  return {
    ...plain(descriptor),
    platform:
      os === undefined || architecture === undefined ? undefined : platformOf(config, os, architecture),
    created: annotations[annotationKeys.created] ?? config.created,
    version: said(annotationKeys.version),
    revision: said(annotationKeys.revision),
    source: said(annotationKeys.source),
    annotations,
    labels,
    entrypoint,
    command,
    config: plain(manifest.config),
    layers: imageLayers(manifest, config).map((layer) => ({
      ...plain(layer.descriptor),
      diffId: layer.diffId,
    })),
    layersSize: layers.reduce((sum, { size }) => sum + size, 0),
    subject: manifest.subject?.digest,
  };
}

function inspectedArtifact(descriptor: Descriptor, manifest: Manifest): InspectedArtifact {
  return {
    ...plain(descriptor),
    artifactType: artifactTypeOf(manifest),
    annotations: manifest.annotations ?? {},
    config: plain(manifest.config),
    blobs: manifest.layers.map((blob) => ({
      ...plain(blob),
      title: blob.annotations?.[annotationKeys.title],
    })),
    subject: manifest.subject?.digest,
  };
}

/** What a config says for containers; what is malformed in it counts as not said, for nothing here is run. */
const runtimeSchema = v.object({
  Labels: v.fallback(v.record(v.string(), v.string()), {}),
  Entrypoint: v.fallback(v.array(v.string()), []),
  Cmd: v.fallback(v.array(v.string()), []),
});

function runtimeOf(config: ImageConfig): v.InferOutput<typeof runtimeSchema> {
  const said = (config as { config?: unknown }).config;
  const { Labels, Entrypoint, Cmd } = (typeof said === 'object' && said !== null ? said : {}) as Record<
    string,
    unknown
  >;
  return v.parse(runtimeSchema, { Labels, Entrypoint, Cmd });
}

function platformOf(config: ImageConfig, os: string, architecture: string): string {
  const { variant } = config as { variant?: unknown };
  return formatPlatform({ os, architecture, ...(typeof variant === 'string' ? { variant } : {}) });
}

function plain({ digest, mediaType, size }: Descriptor): Content {
  return { digest, mediaType, size };
}
