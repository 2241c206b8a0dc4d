import { streamOf, type Target } from '../../src/content/index.js';
import { type Descriptor, describe, mediaTypes } from '../../src/oci/index.js';

const empty = Buffer.from('{}');

/** The bytes and the descriptor of a manifest that refers to a subject. */
export function artifact(
  subject: Descriptor,
  artifactType: string | undefined,
  annotations: Record<string, string> = {},
): { bytes: Buffer; descriptor: Descriptor } {
  const config = describe('application/vnd.oci.empty.v1+json', empty);
  const { mediaType, digest, size } = subject;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.imageManifest,
      ...(artifactType === undefined ? {} : { artifactType }),
      config,
      layers: [config],
      subject: { mediaType, digest, size },
      annotations,
    }),
  );
  return { bytes, descriptor: describe(mediaTypes.imageManifest, bytes) };
}

/** Pushes a manifest that refers to a subject. */
export async function pushArtifact(
  target: Target,
  subject: Descriptor,
  artifactType: string | undefined,
  annotations: Record<string, string> = {},
): Promise<Descriptor> {
  const { bytes, descriptor } = artifact(subject, artifactType, annotations);
  await target.push(describe('application/vnd.oci.empty.v1+json', empty), async () => streamOf(empty));
  await target.push(descriptor, async () => streamOf(bytes));
  return descriptor;
}

/** All that refers to a subject. */
export async function referrersOf(
  target: Target,
  subject: Descriptor,
  artifactType?: string,
): Promise<Descriptor[]> {
  const all: Descriptor[] = [];
  for await (const referrer of target.referrers(subject, artifactType)) all.push(referrer);
  return all;
}
