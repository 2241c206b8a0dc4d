import { setTimeout as sleep } from 'node:timers/promises';
import type { TagRemover } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Limits } from './limits.js';
import type { Manifests } from './manifests.js';

/**
 * What registries answer that cannot delete what they were asked to: 405 and 501 mean never, 400 and 415 that a tag is no digest
 * to them (the CNCF registry before version 3, and ACR).
 */
const incapable = new Set([400, 405, 415, 501]);
const taken = new Set([200, 202, 204]);

const hint =
  'Its administrator may have to allow it (the CNCF registry: "storage.delete.enabled"), or it has an interface of its own for that, as Docker Hub and GHCR have.';

/**
 * Takes tags of one repository away (distribution specification, "Deleting tags" and "Deleting Manifests"), and looks that they
 * are gone.
 */
export function tagRemover(manifests: Manifests, limits: Limits): TagRemover {
  return {
    async untag(tag) {
      const response = await manifests.sendDelete(tag);
      const { status } = response;
      if (incapable.has(status)) {
        response.discard();
        return false;
      }
      // Some registries know no tags here, and so find none.
      if (status === 404) {
        response.discard();
        return !(await stands(manifests, tag));
      }
      if (!taken.has(status)) throw await manifests.refusedDelete(response, tag, {});
      response.discard();
      for (let tries = 1; await stands(manifests, tag); tries++) {
        if (tries >= limits.tries) throw notGone(manifests, tag);
        // Some registries give an answer of a moment ago.
        await sleep(limits.backoffMs * 2 ** (tries - 1));
      }
      return true;
    },
    async deleteManifest({ digest }) {
      const response = await manifests.sendDelete(digest);
      const { status } = response;
      if (incapable.has(status))
        throw await manifests.refusedDelete(response, digest, { code: 'DELETION_REFUSED', hint });
      if (!taken.has(status) && status !== 404) throw await manifests.refusedDelete(response, digest, {});
      response.discard();
    },
  };
}

async function stands(manifests: Manifests, tag: string): Promise<boolean> {
  try {
    await manifests.resolve(tag);
    return true;
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return false;
    throw error;
  }
}

function notGone({ label }: Manifests, tag: string): EngineshedError {
  return new EngineshedError(
    'REGISTRY_UNAVAILABLE',
    `The registry says that it deleted ${label}:${tag}, but the tag is still there`,
    { hint: 'Somebody else may have set it at the same time. Try again later.' },
  );
}
