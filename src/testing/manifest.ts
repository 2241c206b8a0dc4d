/** What a registry has to know of a manifest. */
export interface ParsedManifest {
  readonly mediaType: string | undefined;
  /** The digests of the blobs that it needs. */
  readonly blobs: readonly string[];
  /** The digests of the manifests that it needs. */
  readonly manifests: readonly string[];
  readonly subject: string | undefined;
  /** Its own type, or that of its config (distribution specification, "Listing Referrers"). */
  readonly artifactType: string | undefined;
  readonly annotations: unknown;
}

/** Reads a manifest or index; undefined where the bytes are none. It reads loosely: clients are under test here, not manifests. */
export function parseManifest(bytes: Buffer): ParsedManifest | undefined {
  const document = object(parse(bytes));
  if (document === undefined) return undefined;
  const { mediaType, config, layers, manifests, subject, artifactType, annotations } = document;
  const ownType = text(artifactType) || text(object(config)?.mediaType);
  const needed = list(layers).filter((layer) => !isElsewhere(layer));
  return {
    mediaType: text(mediaType),
    blobs: digests(config === undefined ? needed : [config, ...needed]),
    manifests: digests(list(manifests)),
    subject: text(object(subject)?.digest),
    artifactType: ownType,
    annotations,
  };
}

/** Whether a layer is not for distribution (image specification, "Non-Distributable Layers"). */
function isElsewhere(layer: unknown): boolean {
  const mediaType = text(object(layer)?.mediaType) ?? '';
  return mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.');
}

function digests(descriptors: readonly unknown[]): string[] {
  return descriptors.flatMap((descriptor) => text(object(descriptor)?.digest) ?? []);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
