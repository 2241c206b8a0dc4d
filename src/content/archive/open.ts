import { EngineshedError } from '../../errors/index.js';
import {
  annotationKeys,
  type Descriptor,
  type Digest,
  type Index,
  isDigest,
  maxManifestBytes,
  parseJson,
  parseLayoutIndex,
} from '../../oci/index.js';
import type { Target } from '../types.js';
import { readClassicImages } from './docker.js';
import { blobName, fullName } from './finish.js';
import { type ArchiveImages, type ReadableImages, readImages, type StoredContent } from './images.js';
import { readEntry, readSmall } from './read.js';
import { archiveInvalid, type ScannedArchive, scanArchive } from './scan.js';
import type { ArchiveKind } from './write.js';

/**
 * Opens an archive of images for reading. Its headers are read once, when it is first asked for something; content is read
 * from its place, several at a time, and verified. What can be read is the kinds of skopeo's `oci-archive:` and
 * `docker-archive:` (containers-transports(5)), of the latter the newer form, which has an image layout inside, and the
 * classic one, of which a manifest is made that says the same on every machine.
 * @param path the file, absolute
 * @returns a target whose methods add to their errors `PATH_NOT_FOUND`, `FILE_PERMISSION` and `ARCHIVE_INVALID`, and whose
 * `push` and `tag` refuse with `USAGE`: an archive is written as a whole
 */
export function openArchive(kind: ArchiveKind, path: string, label: string): Target {
  let opened: Promise<ReadableImages> | undefined;
  const images = () => {
    opened ??= openNow(kind, path, label);
    return opened;
  };
  return {
    label,
    fetch: async (descriptor, options) => (await images()).fetch(descriptor, options),
    exists: async (descriptor) => (await images()).exists(descriptor),
    resolve: async (tagOrDigest) => (await images()).resolve(tagOrDigest),
    images: async () => (await images()).images(),
    async *tags() {
      yield* (await images()).tags();
    },
    async *referrers(subject, artifactType) {
      yield* (await images()).referrers(subject, artifactType);
    },
    push: () => Promise.reject(readOnly(label)),
    tag: () => Promise.reject(readOnly(label)),
  };
}

async function openNow(kind: ArchiveKind, path: string, label: string): Promise<ReadableImages> {
  const archive = scanArchive(path, label);
  const isLayout = archive.entries.has('oci-layout') && archive.entries.has('index.json');
  if (kind === 'oci-archive' && !isLayout)
    throw archiveInvalid(label, 'it has no files "oci-layout" and "index.json" at its top');
  return readImages(isLayout ? await layoutImages(archive, kind) : await readClassicImages(archive));
}

async function layoutImages(archive: ScannedArchive, kind: ArchiveKind): Promise<ArchiveImages> {
  const { label } = archive;
  const marker = parsed(label, () => readSmall(archive, 'oci-layout', 4096));
  const version = ((await marker) as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
  if (typeof version !== 'string' || !version.startsWith('1.'))
    throw archiveInvalid(
      label,
      `it has an image layout of version ${JSON.stringify(version)}; 1 is supported`,
    );
  const { manifests } = parseIndex(await readSmall(archive, 'index.json', maxManifestBytes), label);
  const tags = new Map<string, Descriptor>();
  for (const entry of manifests) {
    const name = kind === 'oci-archive' ? entry.annotations?.[annotationKeys.refName] : dockerName(entry);
    if (name !== undefined) tags.set(name, entry);
  }
  return {
    label,
    manifests: () => manifests,
    tags: () => tags,
    content: (digest) => storedBlob(archive, digest),
  };
}

function storedBlob(archive: ScannedArchive, digest: Digest): StoredContent | undefined {
  const file = isDigest(digest) ? archive.entries.get(blobName(digest)) : undefined;
  if (file?.kind !== 'file') return undefined;
  return { size: file.size, open: (signal) => readEntry(archive, file, signal) };
}

/** What is no name to Docker is none here. */
function dockerName({ annotations }: Descriptor): string | undefined {
  const name = annotations?.[annotationKeys.imageName];
  try {
    return name === undefined ? undefined : fullName(name);
  } catch {
    return undefined;
  }
}

async function parsed(label: string, read: () => Promise<Buffer>): Promise<unknown> {
  const bytes = await read();
  try {
    return parseJson(bytes, 'file "oci-layout"');
  } catch (cause) {
    throw archiveInvalid(label, (cause as Error).message, cause);
  }
}

/** The file has no descriptor of its own: it is where the archive's trust begins. */
function parseIndex(bytes: Buffer, label: string): Index {
  try {
    return parseLayoutIndex(bytes, 'file "index.json"');
  } catch (cause) {
    throw archiveInvalid(label, (cause as Error).message, cause);
  }
}

function readOnly(label: string): EngineshedError {
  return new EngineshedError('USAGE', `${label} is only read: an archive is written as a whole`);
}
