import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { type Digest, digestAlgorithm, digestOf, isDigest } from './digest.js';
import { parseJson } from './json.js';
import { isDockerSchema1, isIndexType, isManifestType, isMediaType, mediaTypes } from './media-types.js';

/** The most bytes a manifest or index may have (distribution specification, "Pushing Manifests"): 4 MiB. */
export const maxManifestBytes = 4 * 1024 * 1024;
/** The most bytes an image config may have: 8 MiB. */
export const maxConfigBytes = 8 * 1024 * 1024;
/** The most layers an image, and the most manifests an index, may have. */
const maxDescriptors = 1000;
const tooMany = `more than ${maxDescriptors} entries are not accepted`;

const digestSchema = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'not a digest',
);
const sizeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const annotationsSchema = v.optional(v.record(v.string(), v.string()));
const platformSchema = v.looseObject({
  architecture: v.string(),
  os: v.string(),
  'os.version': v.optional(v.string()),
  'os.features': v.optional(v.array(v.string())),
  variant: v.optional(v.string()),
});
const descriptorFields = v.looseObject({
  mediaType: v.pipe(v.string(), v.check(isMediaType, 'not a media type')),
  digest: digestSchema,
  size: sizeSchema,
  annotations: annotationsSchema,
  data: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  platform: v.optional(platformSchema),
});
/** Inline data must be what the descriptor describes (image specification, "Embedded Content"; B11). */
export const descriptorSchema = v.pipe(
  descriptorFields,
  v.check(hasItsData, 'its inline data has another size or digest, or is not base64'),
);
const manifestSchema = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  config: descriptorSchema,
  layers: v.pipe(v.array(descriptorSchema), v.maxLength(maxDescriptors, tooMany)),
  subject: v.optional(descriptorSchema),
  annotations: annotationsSchema,
});
const indexSchema = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  artifactType: v.optional(v.string()),
  manifests: v.pipe(v.array(descriptorSchema), v.maxLength(maxDescriptors, tooMany)),
  subject: v.optional(descriptorSchema),
  annotations: annotationsSchema,
});
/** It names all images of a layout, so that only its bytes bound their number. */
const layoutIndexSchema = v.looseObject({ ...indexSchema.entries, manifests: v.array(descriptorSchema) });
const configSchema = v.looseObject({
  created: v.optional(v.string()),
  architecture: v.optional(v.string()),
  os: v.optional(v.string()),
  variant: v.optional(v.string()),
  'os.version': v.optional(v.string()),
  'os.features': v.optional(v.array(v.string())),
  rootfs: v.looseObject({
    type: v.literal('layers'),
    diff_ids: v.pipe(v.array(digestSchema), v.maxLength(maxDescriptors, tooMany)),
  }),
});

/** A platform, as in an index (image specification, "Image Index"). */
export type Platform = v.InferOutput<typeof platformSchema>;
/** A content descriptor (image specification, "Content Descriptors"): `size` is in bytes. */
export type Descriptor = v.InferOutput<typeof descriptorSchema>;
/** An image manifest (image specification, "Image Manifest"). */
export type Manifest = v.InferOutput<typeof manifestSchema>;
/** An image index (image specification, "Image Index"). */
export type Index = v.InferOutput<typeof indexSchema>;
/** An image config (image specification, "Image Configuration"). */
export type ImageConfig = v.InferOutput<typeof configSchema>;

/** A parsed manifest or index, told apart by `kind`. */
export type ParsedManifest =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index };

/**
 * Parses the bytes of a manifest or index, which the caller has verified against `descriptor`. The media type in the
 * body, where there is one, must be the descriptor's (B03).
 * @throws EngineshedError `MEDIA_TYPE_UNSUPPORTED` (also for Docker schema 1), `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function parseManifest(bytes: Uint8Array, descriptor: Descriptor): ParsedManifest {
  const { mediaType } = descriptor;
  const where = `manifest ${descriptor.digest}`;
  if (isDockerSchema1(mediaType)) {
    throw new EngineshedError(
      'MEDIA_TYPE_UNSUPPORTED',
      `The ${where} is in Docker's schema 1, which is not supported`,
      {
        hint: 'Push the image again with a current tool.',
      },
    );
  }
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    throw new EngineshedError(
      'MEDIA_TYPE_UNSUPPORTED',
      `The ${where} has the media type "${mediaType}", which is no image`,
    );
  }
  const json = readJson(bytes, mediaType, where);
  return isIndexType(mediaType)
    ? { kind: 'index', index: check(indexSchema, json, where) }
    : { kind: 'manifest', manifest: check(manifestSchema, json, where) };
}

/**
 * Parses the `index.json` of an image layout (image specification, "index.json file"): an index that may have any number of entries.
 * @param where names the file in errors
 * @throws EngineshedError `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function parseLayoutIndex(bytes: Uint8Array, where: string): Index {
  return check(layoutIndexSchema, readJson(bytes, mediaTypes.imageIndex, where), where);
}

/** The JSON of a manifest or index, which is of the kind that it was given as. */
function readJson(bytes: Uint8Array, mediaType: string, where: string): unknown {
  const json = parseJson(bytes, where);
  const stated = (json as { mediaType?: unknown } | null)?.mediaType;
  if (stated !== undefined && stated !== mediaType) {
    throw new EngineshedError(
      'MANIFEST_INVALID',
      `The ${where} calls itself "${String(stated)}" but was given as "${mediaType}"`,
      {
        details: { expected: mediaType, actual: String(stated) },
      },
    );
  }
  const has = (key: string) => json !== null && typeof json === 'object' && key in json;
  const other = ['layers', 'config'].find(has);
  if (other !== undefined && has('manifests')) {
    throw new EngineshedError('MANIFEST_INVALID', `The ${where} has both "${other}" and "manifests"`);
  }
  return json;
}

/**
 * Parses the bytes of an image config, which the caller has verified.
 * @throws EngineshedError `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function parseConfig(bytes: Uint8Array, descriptor: Descriptor): ImageConfig {
  const where = `config ${descriptor.digest}`;
  return check(configSchema, parseJson(bytes, where), where);
}

/**
 * The layers of an image, lowest first, each with its diffID.
 * @throws EngineshedError `MANIFEST_INVALID` where manifest and config do not have the same number of layers
 */
export function imageLayers(
  manifest: Manifest,
  config: ImageConfig,
): { descriptor: Descriptor; diffId: Digest }[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new EngineshedError(
      'MANIFEST_INVALID',
      `The image has ${manifest.layers.length} layers but its config ${manifest.config.digest} names ${diffIds.length}`,
      { details: { expected: manifest.layers.length, actual: diffIds.length } },
    );
  }
  return manifest.layers.map((descriptor, at) => ({ descriptor, diffId: diffIds[at] as Digest }));
}

/** What a manifest or index leads to: config and layers, or manifests. */
export function successors(parsed: ParsedManifest): Descriptor[] {
  return parsed.kind === 'index'
    ? parsed.index.manifests
    : [parsed.manifest.config, ...parsed.manifest.layers];
}

/** A descriptor for `bytes`, with their sha256 digest and length. */
export function describe(
  mediaType: string,
  bytes: Uint8Array,
  annotations?: Record<string, string>,
): Descriptor {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  return annotations && Object.keys(annotations).length > 0 ? { ...descriptor, annotations } : descriptor;
}

/** What an image is built from (see {@link buildImage}). */
export interface ImageParts {
  /** Layers, lowest first, with their diffIDs. */
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: Digest }[];
  /** The platform that the image states. */
  readonly platform: Pick<Platform, 'os' | 'architecture' | 'variant'>;
  /** Annotations of the manifest. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The time of creation, RFC 3339; left out where it is not known. */
  readonly created?: string | undefined;
  /** What made each layer, for the config's history. */
  readonly createdBy: string;
}

/** A document, ready to be pushed. */
export interface BuiltManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** An image, ready to be pushed: bytes and descriptors. The same parts give the same bytes. */
export interface BuiltImage {
  readonly manifest: BuiltManifest;
  readonly config: BuiltManifest;
}

/** Builds the config and the manifest of an image. Pure. */
export function buildImage(parts: ImageParts): BuiltImage {
  const { os, architecture, variant } = parts.platform;
  const created = parts.created === undefined ? {} : { created: parts.created };
  const configBytes = encode({
    ...created,
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    config: {},
    rootfs: { type: 'layers', diff_ids: parts.layers.map((layer) => layer.diffId) },
    history: parts.layers.map(() => ({ ...created, created_by: parts.createdBy })),
  });
  const config = describe(mediaTypes.imageConfig, configBytes);
  const annotations = Object.fromEntries(
    Object.entries(parts.annotations).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const manifestBytes = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.imageManifest,
    config,
    layers: parts.layers.map((layer) => layer.descriptor),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  return {
    config: { descriptor: config, bytes: configBytes },
    manifest: { descriptor: describe(mediaTypes.imageManifest, manifestBytes), bytes: manifestBytes },
  };
}

function hasItsData({ data, size, digest }: v.InferOutput<typeof descriptorFields>): boolean {
  if (data === undefined) return true;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(data)) return false;
  const bytes = Buffer.from(data, 'base64');
  return bytes.byteLength === size && digestOf(bytes, digestAlgorithm(digest)) === digest;
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/**
 * Checks parsed JSON from outside against a schema.
 * @param where names it in the error
 * @throws EngineshedError `MANIFEST_INVALID`
 */
export function check<S extends v.GenericSchema>(schema: S, json: unknown, where: string): v.InferOutput<S> {
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new EngineshedError(
    'MANIFEST_INVALID',
    `The ${where} is malformed${path === null ? '' : ` at ${path}`}: ${issue.message}`,
  );
}
