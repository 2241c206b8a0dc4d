import type { BuiltManifest, Descriptor } from './manifest.js';
import { describe } from './manifest.js';
import { mediaTypes } from './media-types.js';

/** What an artifact manifest is built from (see {@link buildArtifact}). */
export interface ArtifactParts {
  /** What sort of thing it is, as a media type. */
  readonly artifactType: string;
  /** The files, with their titles. */
  readonly layers: readonly Descriptor[];
  /** What it refers to. */
  readonly subject: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The config, and the only layer where there are no files, of an artifact (image specification, "Guidance for an Empty Descriptor"). */
export const emptyContent: BuiltManifest = (() => {
  const bytes = Buffer.from('{}');
  const descriptor = { ...describe(mediaTypes.empty, bytes), data: bytes.toString('base64') };
  return { descriptor, bytes };
})();

/**
 * Builds the manifest of an artifact that refers to an image (image specification, "Guidelines for Artifact Usage"). Pure:
 * the same parts give the same bytes.
 */
export function buildArtifact(parts: ArtifactParts): BuiltManifest {
  const { mediaType, digest, size } = parts.subject;
  const annotations = Object.entries(parts.annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      artifactType: parts.artifactType,
      config: emptyContent.descriptor,
      layers: parts.layers.length === 0 ? [emptyContent.descriptor] : parts.layers,
      subject: { mediaType, digest, size },
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    }),
  );
  return { descriptor: describe(mediaTypes.imageManifest, bytes), bytes };
}
