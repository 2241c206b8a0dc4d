import { readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkBytes, readAll, streamOf, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import { syncDirectory, uniqueSuffix, writeNewFile } from '../files/index.js';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isImageConfig,
  isIndexType,
  isManifestType,
  maxConfigBytes,
  mediaTypes,
  parseJson,
} from '../oci/index.js';
import { makeOwnDirectory } from './directory.js';
import type { Store, Transaction } from './store.js';

/** Small content that an engine was resolved with, and that an install will keep: what the store has of it may be gone by then. */
export type Remembered = Map<Digest, Uint8Array>;

/**
 * A target that asks the store first for manifests and configs, and remembers them. Tags are always asked of the target itself, so a
 * warm install makes one request per source: for its tag, and none for a digest.
 */
export function rememberingTarget(store: Store, target: Target, remembered: Remembered): Target {
  const small = async (descriptor: Descriptor): Promise<Uint8Array> => {
    const bytes =
      remembered.get(descriptor.digest) ??
      readStored(store, descriptor) ??
      (await readAll(await target.fetch(descriptor), descriptor, maxConfigBytes));
    remembered.set(descriptor.digest, bytes);
    return bytes;
  };
  return {
    label: target.label,
    repository: target.repository,
    async fetch(descriptor, options) {
      if (!isSmall(descriptor)) return target.fetch(descriptor, options);
      return streamOf(await small(descriptor));
    },
    exists: (descriptor) => target.exists(descriptor),
    push: (descriptor, open, options) => target.push(descriptor, open, options),
    async resolve(tagOrDigest) {
      const known = isDigest(tagOrDigest)
        ? (remembered.get(tagOrDigest) ?? readStoredBytes(store, tagOrDigest))
        : undefined;
      return known === undefined
        ? target.resolve(tagOrDigest)
        : describeManifest(known, tagOrDigest as Digest);
    },
    tag: (descriptor, tag) => target.tag(descriptor, tag),
    tags: (options) => target.tags(options),
    ...(target.images === undefined ? {} : { images: target.images }),
    referrers: (subject, artifactType) => target.referrers(subject, artifactType),
  };
}

/** Writes what the store lacks of remembered content into it, over a damaged file too. */
export function keepContent(store: Store, transaction: Transaction, remembered: Remembered): void {
  const lacking = [...remembered].filter(([digest]) => readStoredBytes(store, digest) === undefined);
  for (const [digest, bytes] of lacking) {
    const path = store.paths.blob(digest);
    const temporary = `${transaction.staging}/blob-${uniqueSuffix()}`;
    writeNewFile(temporary, bytes, 0o444);
    makeOwnDirectory(dirname(path));
    renameSync(temporary, path);
  }
  for (const directory of new Set(lacking.map(([digest]) => dirname(store.paths.blob(digest)))))
    syncDirectory(directory);
}

/** A manifest or config that the store has. What is damaged counts as missing: it is fetched again. */
export function readStored(store: Store, descriptor: Descriptor): Uint8Array | undefined {
  const bytes = readStoredBytes(store, descriptor.digest);
  return bytes?.byteLength === descriptor.size ? bytes : undefined;
}

/** The same where only the digest is known. */
export function readStoredBytes(store: Store, digest: Digest): Uint8Array | undefined {
  try {
    const bytes = readFileSync(store.paths.blob(digest));
    checkBytes(bytes, { digest, size: bytes.byteLength });
    return bytes;
  } catch (error) {
    if (isEngineshedError(error) || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The descriptor of a manifest or index whose digest was checked.
 * @throws EngineshedError `JSON_INVALID`
 */
export function describeManifest(bytes: Uint8Array, digest: Digest): Descriptor {
  const { mediaType, manifests } = parseJson(bytes, `manifest ${digest}`) as {
    mediaType?: unknown;
    manifests?: unknown;
  };
  const guessed = manifests === undefined ? mediaTypes.imageManifest : mediaTypes.imageIndex;
  return { mediaType: typeof mediaType === 'string' ? mediaType : guessed, digest, size: bytes.byteLength };
}

function isSmall({ mediaType, size }: Descriptor): boolean {
  return (
    size <= maxConfigBytes &&
    (isManifestType(mediaType) || isIndexType(mediaType) || isImageConfig({ mediaType }))
  );
}
