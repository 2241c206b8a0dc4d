import * as v from 'valibot';
import { isEngineshedError } from '../../errors/index.js';
import {
  createDigester,
  type Descriptor,
  type Digest,
  describe,
  type ImageConfig,
  imageLayers,
  maxConfigBytes,
  maxManifestBytes,
  mediaTypes,
  parseConfig,
  parseJson,
} from '../../oci/index.js';
import { streamOf } from '../stream.js';
import { fullName } from './finish.js';
import type { ArchiveImages, StoredContent } from './images.js';
import { type ArchiveFile, readEntry, readSmall } from './read.js';
import { archiveInvalid, type ScannedArchive } from './scan.js';

/** The most symbolic links on the way to one layer. */
const maxLinks = 8;
/** The most images in one archive. */
const maxImages = 1000;

const nameSchema = v.pipe(v.string(), v.maxLength(4096));
/** Docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format": manifest.json. */
const manifestSchema = v.pipe(
  v.array(
    v.looseObject({
      Config: nameSchema,
      RepoTags: v.nullish(v.array(nameSchema)),
      Layers: v.nullish(v.pipe(v.array(nameSchema), v.maxLength(1000))),
    }),
  ),
  v.maxLength(maxImages),
);

/**
 * Reads an archive in the classic form of `docker save`, which `podman save` and skopeo write: a manifest.json that names
 * configs and layers. It has no image manifests. The one that is made of each image names the config as it is, and the layers
 * as they are: uncompressed, with the digests that the config tells, or compressed, with their own.
 * @throws EngineshedError `ARCHIVE_INVALID`, `MANIFEST_INVALID`, `JSON_INVALID`
 */
export async function readClassicImages(archive: ScannedArchive): Promise<ArchiveImages> {
  const { label } = archive;
  if (!archive.entries.has('manifest.json'))
    throw archiveInvalid(label, 'it has no "manifest.json" (archives of Docker before 1.10 are not read)');
  const json = parseJson(await readSmall(archive, 'manifest.json', maxManifestBytes), 'file "manifest.json"');
  const result = v.safeParse(manifestSchema, json, { abortEarly: true });
  if (!result.success) throw archiveInvalid(label, 'its manifest.json is malformed');
  const content = new Map<Digest, StoredContent>();
  const layers = new Map<string, Descriptor>();
  const tags = new Map<string, Descriptor>();
  const manifests: Descriptor[] = [];
  for (const image of result.output) {
    const configBytes = await readSmall(archive, normal(image.Config), maxConfigBytes);
    const config = describe(mediaTypes.imageConfig, configBytes);
    const parsed = parseConfig(configBytes, config);
    content.set(config.digest, inMemory(configBytes));
    const described: Descriptor[] = [];
    for (const [at, name] of (image.Layers ?? []).entries()) {
      const diffId = parsed.rootfs.diff_ids[at];
      const file = follow(archive, normal(name));
      const known = layers.get(`${file.offset} ${diffId}`);
      const layer = known ?? (await describeLayer(archive, file, diffId));
      layers.set(`${file.offset} ${diffId}`, layer);
      if (!content.has(layer.digest))
        content.set(layer.digest, { size: file.size, open: (signal) => readEntry(archive, file, signal) });
      described.push(layer);
    }
    const manifest = describeImage(config, parsed, described);
    content.set(manifest.descriptor.digest, inMemory(manifest.bytes));
    manifests.push(manifest.descriptor);
    for (const tag of image.RepoTags ?? []) {
      const name = nameOf(tag);
      if (name !== undefined) tags.set(name, manifest.descriptor);
    }
  }
  return { label, manifests: () => manifests, tags: () => tags, content: (digest) => content.get(digest) };
}

function describeImage(config: Descriptor, parsed: ImageConfig, layers: Descriptor[]) {
  const { os, architecture } = parsed;
  const manifest = { schemaVersion: 2 as const, mediaType: mediaTypes.imageManifest, config, layers };
  imageLayers(manifest, parsed);
  const bytes = Buffer.from(JSON.stringify(manifest));
  const described = describe(mediaTypes.imageManifest, bytes);
  const descriptor: Descriptor =
    os === undefined || architecture === undefined
      ? described
      : { ...described, platform: { os, architecture } };
  return { descriptor, bytes };
}

/** Not even an uncompressed layer is hashed here: whoever reads it finds out whether it has the digest that its config tells. */
async function describeLayer(
  archive: ScannedArchive,
  file: ArchiveFile,
  diffId: Digest | undefined,
): Promise<Descriptor> {
  const head = { ...file, size: Math.min(file.size, 4) };
  let magic = '';
  for await (const chunk of readEntry(archive, head)) magic += Buffer.from(chunk).toString('hex');
  if (magic.startsWith('1f8b')) return hashed(archive, file, mediaTypes.layerTarGzip);
  if (magic === '28b52ffd') return hashed(archive, file, mediaTypes.layerTarZstd);
  if (diffId === undefined)
    throw archiveInvalid(archive.label, 'an image has more layers than its config names');
  return { mediaType: mediaTypes.layerTar, digest: diffId, size: file.size };
}

async function hashed(archive: ScannedArchive, file: ArchiveFile, mediaType: string): Promise<Descriptor> {
  const digester = createDigester();
  for await (const chunk of readEntry(archive, file)) digester.update(chunk);
  return { mediaType, digest: digester.digest(), size: file.size };
}

/** Docker before 25 wrote a layer that two images share once, and a symbolic link `../OTHER/layer.tar` for the second. */
function follow(archive: ScannedArchive, name: string): ArchiveFile {
  let at = name;
  for (let links = 0; links <= maxLinks; links++) {
    const entry = archive.entries.get(at);
    if (entry === undefined) throw archiveInvalid(archive.label, `it has no file "${at}"`);
    if (entry.kind === 'file') return entry;
    const parent = at.includes('/') ? `${at.slice(0, at.lastIndexOf('/'))}/` : '';
    const target = entry.target.startsWith('/') ? undefined : resolveName(`${parent}${entry.target}`);
    if (target === undefined) throw archiveInvalid(archive.label, `the link "${at}" leads out of it`);
    at = target;
  }
  throw archiveInvalid(archive.label, `the links from "${name}" do not end`);
}

/** A path without `.` and `..`; undefined where it leads out. */
function resolveName(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined;
    if (part !== '' && part !== '.' && part !== '..') parts.push(part);
  }
  return parts.join('/');
}

function normal(name: string): string {
  return resolveName(name) ?? name;
}

function inMemory(bytes: Uint8Array): StoredContent {
  return { size: bytes.byteLength, open: () => streamOf(bytes) };
}

/** What is no name to Docker is none here. */
function nameOf(tag: string): string | undefined {
  try {
    return fullName(tag);
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_INVALID', 'DIGEST_INVALID')) return undefined;
    throw error;
  }
}
