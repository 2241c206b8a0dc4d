import type { Target } from '../content/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import type { TrustMemory } from './memory.js';
import { policiesFor, type TrustPolicy } from './policy.js';

/** An image that is to come into a store. */
export interface Candidate {
  /** What was asked for, for messages: `ghcr.io/acme/engine:edge`. */
  readonly reference: string;
  /** The canonical repository, wherever the image comes from: `HOST/PATH`, or `oci:DIRECTORY`. */
  readonly repository: string;
  /** Where it is on this machine: the same, or `oci:` and an absolute path. */
  readonly place: string;
  /** What policies may call it: `HOST/PATH`, canonical and as it was asked for. */
  readonly images: readonly string[];
  /** The engines that it is for: that which it is part of, and those that this one is by; none for an image by itself. */
  readonly engines: readonly string[];
  /** The tag that was followed; undefined where a digest was asked for, which proves itself. */
  readonly tag: string | undefined;
  /** What the reference stood for: an index, or the manifest itself. */
  readonly resolved: Digest;
  /** The image that was chosen. */
  readonly manifest: Descriptor;
  /** The place that it, and what is attached to it, comes from. */
  readonly target: () => Target;
}

/** What to admit, and what decides. */
export interface AdmissionRequest {
  readonly candidates: readonly Candidate[];
  readonly policies: readonly TrustPolicy[];
  /** Opens what is remembered; only where a policy is for an image. */
  readonly memory: () => Promise<TrustMemory>;
  readonly now: () => Date;
}

/** Only {@link admit} makes one: nothing comes into a store without. */
class Grant {
  readonly #manifests: ReadonlySet<Digest>;

  constructor(manifests: readonly Digest[]) {
    this.#manifests = new Set(manifests);
  }

  /** Whether an image may come in, by the digest of its manifest. */
  covers(manifest: Digest): boolean {
    return this.#manifests.has(manifest);
  }
}

/** Says which images may come into a store. */
export type Admission = Grant;

/**
 * Looks whether images may come into a store: every policy that is for one must hold. Where none is, nothing is asked of anybody.
 * @throws EngineshedError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`; for tags `CHANNEL_UNPROVEN`, `CHANNEL_ROLLBACK`,
 * `CHANNEL_EQUIVOCATION`, `CHANNEL_EXPIRED`; `CONFIG_INVALID`, `KEY_INVALID` for the keys of a policy; `OFFLINE`, `STORE_CORRUPT`,
 * and as `readSigned` does
 */
export async function admit(request: AdmissionRequest): Promise<Admission> {
  const { candidates, policies } = request;
  const governed = candidates.flatMap((candidate) => {
    const its = policiesFor(policies, candidate);
    return its.length === 0 ? [] : [{ candidate, policies: its }];
  });
  if (governed.length > 0) {
    const { judge } = await import('./judge.js');
    await judge(governed, await request.memory(), request.now());
  }
  return new Grant(candidates.map(({ manifest }) => manifest.digest));
}
