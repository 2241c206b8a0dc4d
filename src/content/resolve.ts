import { didYouMean, EngineshedError, isEngineshedError } from '../errors/index.js';
import { type Descriptor, formatReference, type Reference, wantedOf } from '../oci/index.js';
import type { TagResolver, Target } from './types.js';

/** What can be resolved against: a target, or the part of one that names images. */
type ResolvableTarget = TagResolver & Pick<Target, 'images'>;

/** How many tags are looked at for one that was meant, and how long that may take, in milliseconds. */
const lookedAt = { tags: 1000, ms: 3000 };

/**
 * What a reference stands for in its target. It asks once: for the tag where there is one, so that a digest beside it is
 * checked against it (D02). Without tag and digest it is `latest`; on disk, where there is no such tag, the only image, and
 * artifacts do not count.
 * @throws EngineshedError `DIGEST_MISMATCH` where tag and digest disagree, `REFERENCE_NOT_FOUND`, which tells of a tag that is nearly
 * the one asked for
 */
export async function resolveReference(target: ResolvableTarget, reference: Reference): Promise<Descriptor> {
  const { tag, digest } = reference;
  if (tag === undefined && digest === undefined) return resolveBare(target, reference);
  const descriptor = await (tag === undefined
    ? target.resolve(wantedOf(reference))
    : resolveTag(target, tag));
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

async function resolveTag(target: ResolvableTarget, tag: string): Promise<Descriptor> {
  try {
    return await target.resolve(tag);
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_NOT_FOUND')) throw error;
    const tags = await someTags(target);
    const near = didYouMean(
      tag,
      tags.filter((other) => other !== tag),
    );
    if (near === undefined) throw error;
    const { code, message, hint, cause, details } = error;
    throw new EngineshedError(code, message, {
      hint: hint === undefined ? near : `${near} ${hint}`,
      cause,
      details,
    });
  }
}

/** As many tags as one request tells. Where they cannot be told, none: what is wrong is known already. */
async function someTags(target: ResolvableTarget): Promise<string[]> {
  const tags: string[] = [];
  try {
    for await (const tag of target.tags({ signal: AbortSignal.timeout(lookedAt.ms), effort: 'one request' }))
      if (tags.push(tag) === lookedAt.tags) break;
  } catch {
    return [];
  }
  return tags;
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
