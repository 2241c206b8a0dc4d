import { setTimeout as sleep } from 'node:timers/promises';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { Limits } from './limits.js';
import type { Manifests } from './manifests.js';

/** What registries answer where a tag may not be moved: ECR 400, Artifactory 403, ACR 405, Quay 409, Harbor 412, others 422, 423. */
const refusals = new Set([400, 403, 405, 409, 412, 422, 423]);

/**
 * Lets a tag stand for a manifest that is there, and looks that it does. A registry that refuses because the tag stands for
 * it already is content enough.
 * @throws EngineshedError `TAG_IMMUTABLE` where the tag stands for another manifest and the registry does not move it,
 * `REGISTRY_UNAVAILABLE` where it says that it did and the tag does not stand, and as `Manifests.put` does
 */
export async function setTag(
  manifests: Manifests,
  limits: Limits,
  descriptor: Descriptor,
  tag: string,
): Promise<void> {
  try {
    await manifests.put(descriptor, tag);
  } catch (error) {
    if (!isEngineshedError(error) || !refusals.has(error.details.status ?? 0)) throw error;
    const now = await standsFor(manifests, tag);
    if (now === descriptor.digest) return;
    // Where nothing could be stored before, it is not the tag that is refused.
    const isAllowed = error.details.status !== 403 || manifests.hasStored;
    throw isAllowed && now !== undefined ? immutable(manifests, descriptor, tag, now, error) : error;
  }
  for (let tries = 1; ; tries++) {
    const now = await standing(manifests, tag);
    if (now === undefined || now === descriptor.digest) return;
    if (tries >= limits.tries) throw notSet(manifests, descriptor, tag, now);
    // Some registries give an answer of a moment ago.
    await sleep(limits.backoffMs * 2 ** (tries - 1));
  }
}

/** The digest that a tag stands for, computed where the registry does not say it; undefined where it stands for none. */
async function standsFor(manifests: Manifests, tag: string): Promise<string | undefined> {
  try {
    return (await manifests.resolve(tag)).digest;
  } catch (error) {
    if (isEngineshedError(error, 'UNAUTHORIZED', 'FORBIDDEN', 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The digest that a tag stands for, `nothing`, or undefined where the registry does not say. */
async function standing(manifests: Manifests, tag: string): Promise<string | undefined> {
  try {
    return await manifests.peek(tag);
  } catch (error) {
    // Some logins may push only.
    if (isEngineshedError(error, 'UNAUTHORIZED', 'FORBIDDEN')) return undefined;
    throw error;
  }
}

function immutable(
  { label }: Manifests,
  { digest }: Descriptor,
  tag: string,
  now: string,
  cause: EngineshedError,
): EngineshedError {
  return new EngineshedError(
    'TAG_IMMUTABLE',
    `${label}:${tag} stands for ${now}, and the registry does not move it to ${digest}: ${cause.message}`,
    {
      hint: `Use another tag, or let the registry's administrator allow "${tag}" to move. The image itself is there, as ${label}@${digest}.`,
      cause,
      details: { ...cause.details, expected: digest, actual: now, reference: `${label}:${tag}` },
    },
  );
}

function notSet({ label }: Manifests, { digest }: Descriptor, tag: string, now: string): EngineshedError {
  return new EngineshedError(
    'REGISTRY_UNAVAILABLE',
    `The registry says that it set ${label}:${tag} to ${digest}, but the tag stands for ${now}`,
    {
      hint: `Somebody else may have set it at the same time. The image itself is there, as ${label}@${digest}; set the tag again if it should stand for that.`,
      details: { expected: digest, actual: now, reference: `${label}:${tag}` },
    },
  );
}
