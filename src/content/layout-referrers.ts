import { existsSync } from 'node:fs';
import { inOperation } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  maxManifestBytes,
  parseManifest,
  parseReferrers,
  type Referral,
  referralOf,
  referrersTag,
} from '../oci/index.js';
import { readLayoutFile } from './layout-file.js';
import { tagOf } from './layout-index.js';
import { checkBytes } from './verify.js';

/** What manifests refer to that were read already, null for nothing: content never changes. */
export type KnownReferrals = Map<Digest, Referral | null>;

/** Where a layout keeps a blob. */
export type BlobPath = (digest: Digest) => string;

/**
 * The manifests of a layout that refer to a subject: those its index names, and those of a list under the referrers tag, as
 * some tools keep one in a layout too.
 * @throws EngineshedError `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `MANIFEST_INVALID`, `IO_FAILED`
 */
export function layoutReferrers(
  entries: readonly Descriptor[],
  blobPath: BlobPath,
  subject: Descriptor,
  known: KnownReferrals,
): Descriptor[] {
  const tag = referrersTag(subject.digest);
  return entries.flatMap((entry) => {
    if (isIndexType(entry.mediaType) && tagOf(entry) === tag && entry.digest !== subject.digest) {
      const bytes = readStored(entry, blobPath);
      return bytes === undefined ? [] : parseReferrers(bytes, `referrers of ${subject.digest}`);
    }
    const referral = knownReferral(entry, blobPath, known);
    return referral?.subject.digest === subject.digest ? [referral.referrer] : [];
  });
}

/**
 * What a manifest of a layout refers to; undefined where it refers to nothing or the layout lacks it.
 * @throws EngineshedError as {@link layoutReferrers} does
 */
export function storedReferral(descriptor: Descriptor, blobPath: BlobPath): Referral | undefined {
  const { mediaType } = descriptor;
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
  const bytes = readStored(descriptor, blobPath);
  return bytes && referralOf(descriptor, parseManifest(bytes, descriptor));
}

function knownReferral(
  descriptor: Descriptor,
  blobPath: BlobPath,
  known: KnownReferrals,
): Referral | undefined {
  const before = known.get(descriptor.digest);
  if (before !== undefined) return before ?? undefined;
  const referral = storedReferral(descriptor, blobPath);
  // What the layout lacks may come.
  if (referral !== undefined || existsSync(blobPath(descriptor.digest)))
    known.set(descriptor.digest, referral ?? null);
  return referral;
}

function readStored(descriptor: Descriptor, blobPath: BlobPath): Buffer | undefined {
  if (descriptor.size > maxManifestBytes) return undefined;
  let bytes: Buffer;
  try {
    bytes = readLayoutFile(blobPath(descriptor.digest), maxManifestBytes, descriptor.digest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw inOperation(`Reading ${descriptor.digest}`, error);
  }
  checkBytes(bytes, descriptor);
  return bytes;
}
