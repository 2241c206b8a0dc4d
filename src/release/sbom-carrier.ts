import {
  type ContentStore,
  type Image,
  type Reporter,
  readManifest,
  streamOf,
  type Target,
} from '../content/index.js';
import type { EngineLock } from '../engine/index.js';
import { inOperation } from '../errors/index.js';
import {
  annotationKeys,
  buildArtifact,
  createDigester,
  type Descriptor,
  emptyContent,
} from '../oci/index.js';
import { type SbomInputs, sbomBytes, sbomType } from './sbom.js';
import { readReleaseContent } from './sbom-files.js';

/** The most documents of one image that are looked at; a registry may list any number. */
const maxDocuments = 100;

/** The bill of materials of a release, before its bytes are wanted. */
export interface Sbom {
  readonly descriptor: Descriptor;
  readonly packages: number;
  readonly files: number;
  /** Its bytes, made anew each time, the same each time. */
  bytes(): Iterable<Buffer>;
}

/**
 * Makes the bill of materials of a release (see {@link sbomBytes}) from its layers, each verified.
 * @param lock as the image tells it
 * @throws EngineshedError as `readReleaseContent` does
 */
export async function releaseSbom(
  content: Pick<ContentStore, 'fetch'>,
  image: Pick<Image, 'descriptor' | 'manifest' | 'config'>,
  lock: EngineLock,
  report: Reporter,
): Promise<Sbom> {
  const { descriptor, manifest } = image;
  return describeContent({
    manifest: descriptor,
    lock,
    created: manifest.annotations?.[annotationKeys.created],
    layers: manifest.layers.map(({ digest, annotations }) => ({
      source: annotations?.[annotationKeys.layerSource],
      digest,
    })),
    content: await readReleaseContent(content, image, lock, report),
  });
}

function describeContent(inputs: SbomInputs): Sbom {
  const digester = createDigester();
  let size = 0;
  for (const chunk of sbomBytes(inputs)) {
    digester.update(chunk);
    size += chunk.length;
  }
  const { components, others } = inputs.content;
  return {
    descriptor: { mediaType: sbomType, digest: digester.digest(), size },
    packages: 1 + components.size,
    files: [others, ...components.values()].reduce((sum, { files }) => sum + files.length, 0),
    bytes: () => sbomBytes(inputs),
  };
}

/**
 * Attaches the bill of materials to its release. Done twice, the second time changes nothing.
 * @param name what it is called where it is attached
 * @param created what the release says of the time when it was made, RFC 3339
 * @returns what carries it
 * @throws EngineshedError as `Target.push` does
 */
export async function attachSbom(
  target: Target,
  sbom: Sbom,
  inputs: { readonly subject: Descriptor; readonly name: string; readonly created: string | undefined },
): Promise<Descriptor> {
  const { subject, name, created } = inputs;
  const { descriptor } = sbom;
  const carrier = buildArtifact({
    artifactType: sbomType,
    layers: [{ ...descriptor, annotations: { [annotationKeys.title]: `${name}.spdx.json` } }],
    subject,
    annotations: created === undefined ? {} : { [annotationKeys.created]: created },
  });
  try {
    await target.push(emptyContent.descriptor, async () => streamOf(emptyContent.bytes));
    if (!(await target.exists(descriptor))) await target.push(descriptor, async () => streamed(sbom));
    await target.push(carrier.descriptor, async () => streamOf(carrier.bytes));
    return carrier.descriptor;
  } catch (error) {
    throw inOperation(`Attaching the bill of materials to ${subject.digest}`, error);
  }
}

async function* streamed(sbom: Sbom): AsyncGenerator<Uint8Array, void, undefined> {
  yield* sbom.bytes();
}

/**
 * Whether this very document is attached to its release; others may be, of other programs.
 * @throws EngineshedError as `ReferrerSource.referrers` and `readManifest` do
 */
export async function isSbomAttached(target: Target, subject: Descriptor, sbom: Sbom): Promise<boolean> {
  let seen = 0;
  for await (const carrier of target.referrers(subject, sbomType)) {
    if (++seen > maxDocuments) return false;
    const { parsed } = await readManifest(target, carrier);
    if (parsed.kind === 'index' || parsed.manifest.subject?.digest !== subject.digest) continue;
    if (parsed.manifest.layers.some(({ digest }) => digest === sbom.descriptor.digest)) return true;
  }
  return false;
}
