import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { type Descriptor, isIndexType, parseReferrers, referrersTag } from '../oci/index.js';
import type { Manifests, ReadManifest } from './manifests.js';

/** The list that a repository keeps under the referrers tag of a subject, as it is in this moment. */
export interface TaggedReferrers {
  /** The list as it was written. */
  readonly bytes: Uint8Array;
  readonly entries: readonly Descriptor[];
  /** The entity tag of the answer, where it can be used for a conditional write. */
  readonly etag: string | undefined;
}

/**
 * Reads the list under the referrers tag of a subject; undefined where there is none.
 * @throws EngineshedError `RESPONSE_INVALID` where something else is tagged so, and as `Manifests.read` does
 */
export async function readTaggedReferrers(
  manifests: Manifests,
  subject: Descriptor,
): Promise<TaggedReferrers | undefined> {
  const tag = referrersTag(subject.digest);
  let answer: ReadManifest;
  try {
    answer = await manifests.read(tag);
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
  const { descriptor, bytes, etag } = answer;
  // GitLab takes the tag for the digest and answers with the subject itself.
  if (descriptor.digest === subject.digest) return undefined;
  if (!isIndexType(descriptor.mediaType)) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${manifests.label}:${tag} is no list of referrers but "${descriptor.mediaType}"`,
      {
        hint: 'Delete that tag, or let the one who made it do so.',
        details: { actual: descriptor.mediaType },
      },
    );
  }
  return { bytes, etag, entries: parseReferrers(bytes, `list of referrers ${manifests.label}:${tag}`) };
}
