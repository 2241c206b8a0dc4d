import { createHash } from 'node:crypto';
import type { EngineLock } from '../engine/index.js';
import { encodeName, showName } from '../layer/index.js';
import { annotationKeys, type Descriptor, type Digest, digestAlgorithm, digestHex } from '../oci/index.js';
import { releaseComponents } from './lock.js';
import { downloadLocation, imagePurl, revisionPurl } from './purl.js';
import type { ReleaseContent, ReleaseFile, ReleaseFiles } from './sbom-files.js';
import type { ReleaseComponent } from './types.js';

/** The media type of an SPDX document as JSON, and the artifact type of what carries one. */
export const sbomType = 'application/spdx+json';

/** What a bill of materials is made of. */
export interface SbomInputs {
  /** The manifest of the release. */
  readonly manifest: Descriptor;
  readonly lock: EngineLock;
  /** What the image says of the time when it was made. */
  readonly created: string | undefined;
  /** The layer of the component, where it has one of its own. */
  readonly layers: readonly { readonly source: string | undefined; readonly digest: Digest }[];
  readonly content: ReleaseContent;
}

const releaseId = 'SPDXRef-Release';
const chunkLength = 64 * 1024;

/**
 * The bill of materials of a release as an SPDX 2.3 document in JSON: the release as the package that it describes, a package for
 * each component, and their regular files with their digests; a line for each. Made of the release alone: the same release
 * has the same bytes, wherever it is and whoever asks.
 */
export function* sbomBytes(inputs: SbomInputs): Generator<Buffer, void, undefined> {
  let text = '';
  for (const line of lines(inputs)) {
    text += line;
    if (text.length < chunkLength) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/** A package of the document, with the files that are in it. */
interface Package {
  readonly id: string;
  readonly fields: object;
  readonly files: readonly ReleaseFile[];
}

function* lines(inputs: SbomInputs): Generator<string> {
  const release = releasePackage(inputs);
  const components = releaseComponents(inputs.lock).map((component) => componentPackage(inputs, component));
  const packages = [release, ...components];
  const head = JSON.stringify(document(inputs));
  yield `${head.slice(0, -1)},\n"packages":[\n`;
  yield* separated(packages, ({ id, fields }) => JSON.stringify({ SPDXID: id, ...fields }));
  yield '],\n"files":[\n';
  yield* separated(
    packages.flatMap(({ files }) => files),
    (file) => JSON.stringify(fileFields(file)),
  );
  yield '],\n"relationships":[\n';
  yield* separated(relationships(release, components), ([from, type, to]) =>
    JSON.stringify({ spdxElementId: from, relationshipType: type, relatedSpdxElement: to }),
  );
  yield ']}\n';
}

function* separated<T>(items: Iterable<T>, format: (item: T) => string): Generator<string> {
  let separator = '';
  for (const item of items) {
    yield `${separator}${format(item)}`;
    separator = ',\n';
  }
  if (separator !== '') yield '\n';
}

function* relationships(
  release: Package,
  components: readonly Package[],
): Generator<readonly [string, string, string]> {
  yield [documentId, 'DESCRIBES', releaseId];
  for (const { id } of components) yield [releaseId, 'CONTAINS', id];
  for (const { id, files } of [release, ...components])
    for (const file of files) yield [id, 'CONTAINS', fileId(file)];
}

const documentId = 'SPDXRef-DOCUMENT';

function document({ lock, manifest, created }: SbomInputs): object {
  const { digest } = manifest;
  const place = `${encodeURIComponent(lock.name)}-${digestAlgorithm(digest)}-${digestHex(digest)}`;
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: documentId,
    name: `${lock.name}@${digest}`,
    documentNamespace: `https://engineshed.github.io/spdx/${place}`,
    // Not when the document was made: that would be another document each time.
    creationInfo: { created: spdxTime(created) ?? '1970-01-01T00:00:00Z', creators: ['Tool: engineshed'] },
  };
}

function releasePackage({ lock, manifest, content, created }: SbomInputs): Package {
  const { components, others } = content;
  const all = [others, ...components.values()];
  return {
    id: releaseId,
    fields: {
      name: lock.name,
      versionInfo: manifest.digest,
      primaryPackagePurpose: 'CONTAINER',
      downloadLocation: 'NOASSERTION',
      ...analysed(all),
      checksums: [checksum(manifest.digest)],
      externalRefs: [purlReference(imagePurl(lock.name, manifest.digest))],
      ...(lock.description === '' ? {} : { description: lock.description }),
      ...times(created),
    },
    files: others.files,
  };
}

function componentPackage({ lock, content, layers }: SbomInputs, component: ReleaseComponent): Package {
  const { source, manifest, reference, revision, version } = component;
  const locked = lock.sources[source];
  const annotations = locked === undefined || locked.kind === 'directory' ? {} : locked.annotations;
  const {
    [annotationKeys.source]: repository,
    [annotationKeys.created]: created,
    [annotationKeys.licenses]: licenses,
  } = annotations;
  const files = content.components.get(source) ?? { files: [], links: 0 };
  const layer = layers.find((entry) => entry.source === source)?.digest;
  const commit = revisionPurl(repository, revision, source);
  return {
    id: `SPDXRef-Component-${idText(source)}`,
    fields: {
      name: source,
      ...((version ?? revision) === undefined ? {} : { versionInfo: version ?? revision }),
      downloadLocation: downloadLocation(repository, revision) ?? 'NOASSERTION',
      ...analysed([files]),
      checksums: [checksum(manifest)],
      sourceInfo: [
        `The image ${reference}, ${manifest}`,
        ...(layer === undefined ? [] : [`in the release the layer ${layer}`]),
        ...(revision === undefined ? [] : [`revision ${revision}`]),
      ].join('; '),
      externalRefs: [imagePurl(source, manifest, reference), ...(commit === undefined ? [] : [commit])].map(
        purlReference,
      ),
      ...(licenses === undefined ? {} : { licenseComments: `Its image says: ${licenses}` }),
      ...times(created),
    },
    files: files.files,
  };
}

/** What a package says of its files. */
function analysed(all: readonly ReleaseFiles[]): object {
  const links = all.reduce((sum, files) => sum + files.links, 0);
  return {
    filesAnalyzed: true,
    packageVerificationCode: { packageVerificationCodeValue: verificationCode(all) },
    ...(links === 0
      ? {}
      : {
          comment: `It has ${links} symbolic ${links === 1 ? 'link' : 'links'}, which SPDX does not list as files.`,
        }),
  };
}

/** The package verification code (SPDX 2.3, 7.9): the SHA-1 of the sorted SHA-1s of the files. */
function verificationCode(all: readonly ReleaseFiles[]): string {
  const sums = all.flatMap(({ files }) => files.map(({ digests }) => digests.sha1)).sort();
  const hash = createHash('sha1');
  for (const sum of sums) hash.update(sum);
  return hash.digest('hex');
}

function fileFields(file: ReleaseFile): object {
  const { path, digests } = file;
  const shown = showName(path);
  return {
    SPDXID: fileId(file),
    fileName: `./${shown}`,
    checksums: [
      { algorithm: 'SHA1', checksumValue: digests.sha1 },
      { algorithm: 'SHA256', checksumValue: digests.sha256 },
    ],
    // No name in a layer has a backslash of its own.
    ...(shown === path ? {} : { comment: 'Bytes of the name that are not UTF-8 are written \\xNN.' }),
  };
}

/** One for each path: a file of the same path has the same in every release. */
function fileId({ path }: ReleaseFile): string {
  return `SPDXRef-File-${createHash('sha256').update(encodeName(path)).digest('hex').slice(0, 32)}`;
}

/** A name as an identifier may have it (SPDX 2.3, 3.2: letters, digits, `.` and `-`); another name gives another text. */
function idText(name: string): string {
  return name.replace(
    /[^A-Za-z0-9-]/gu,
    (character) => `.${Buffer.from(character).toString('hex').toUpperCase()}`,
  );
}

function checksum(digest: Digest): object {
  return { algorithm: digestAlgorithm(digest).toUpperCase(), checksumValue: digestHex(digest) };
}

function purlReference(purl: string): object {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl };
}

function times(created: string | undefined): object {
  const time = spdxTime(created);
  return time === undefined ? {} : { builtDate: time };
}

/** A time as SPDX has it: RFC 3339, UTC, whole seconds; undefined for what is none. */
function spdxTime(text: string | undefined): string | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  if (Number.isNaN(time)) return undefined;
  const formatted = new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
  return /^\d{4}-/.test(formatted) ? formatted : undefined;
}
