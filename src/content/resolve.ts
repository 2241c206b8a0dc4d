import { EngineshedError } from '../errors/index.js';
import { type Descriptor, formatReference, type Reference, wantedOf } from '../oci/index.js';
import type { TagResolver } from './types.js';

/**
 * The descriptor that a reference stands for. Asks once: for the tag where there is one, so that a digest beside it is checked
 * against it (D02).
 * @param target the place of the reference
 * @throws EngineshedError `DIGEST_MISMATCH` where tag and digest disagree, and as `TagResolver.resolve` does
 */
export async function resolveReference(target: TagResolver, reference: Reference): Promise<Descriptor> {
  const { tag, digest } = reference;
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
