import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { type Descriptor, formatReference, type Reference, wantedOf } from '../oci/index.js';
import type { TagResolver, Target } from './types.js';

/** What can be resolved against: a target, or the part of one that names images. */
type ResolvableTarget = TagResolver & Pick<Target, 'images'>;

/**
 * What a reference stands for in its target. It asks once: for the tag where there is one, so that a digest beside it is
 * checked against it (D02). Without tag and digest it is `latest`; on disk, where there is no such tag, the only image, and
 * artifacts do not count.
 * @throws EngineshedError `DIGEST_MISMATCH` where tag and digest disagree, `REFERENCE_NOT_FOUND`
 */
export async function resolveReference(target: ResolvableTarget, reference: Reference): Promise<Descriptor> {
  const { tag, digest } = reference;
  if (tag === undefined && digest === undefined) return resolveBare(target, reference);
  const descriptor = await target.resolve(tag ?? wantedOf(reference));
  if (digest === undefined || descriptor.digest === digest) return descriptor;
  throw new EngineshedError(
    'DIGEST_MISMATCH',
    `${formatReference(reference)} has a tag and a digest that disagree: ${tag ?? digest} stands for ${descriptor.digest}`,
    {
      hint: 'Leave out the tag to stay with the digest, or the digest to follow the tag.',
      details: { expected: digest, actual: descriptor.digest, reference: formatReference(reference) },
    },
  );
}

async function resolveBare(target: ResolvableTarget, reference: Reference): Promise<Descriptor> {
  try {
    return await target.resolve(wantedOf(reference));
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_NOT_FOUND') || target.images === undefined) throw error;
    const listed = (await target.images()).filter(({ artifactType }) => artifactType === undefined);
    const images = new Map(listed.map((entry) => [entry.digest, entry]));
    const [only, ...more] = images.values();
    if (only === undefined || more.length > 0) throw error;
    return only;
  }
}
