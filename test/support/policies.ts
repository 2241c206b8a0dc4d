import type { Target } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import type { Descriptor } from '../../src/oci/index.js';
import { type Store, storeAt } from '../../src/store/index.js';
import { trustMemory } from '../../src/store/trust-memory.js';
import {
  type AdmissionRequest,
  attachSigned,
  type Candidate,
  type ChannelStep,
  channelType,
  formatChannelStep,
  type ReadPolicy,
  type SigningKey,
  type TrustPolicy,
} from '../../src/trust/index.js';
import { temporaryDirectory } from './temporary.js';

/** What the tests of policies call their repository. */
export const repository = 'registry.example/acme/base';

/** A policy for the engine `train`, by these keys. */
export function policyOf(keys: readonly SigningKey[], more: Partial<TrustPolicy> = {}): TrustPolicy {
  return {
    name: 'acme',
    file: 'test',
    engines: ['train'],
    images: [],
    keys: keys.map((key) => ({
      kind: 'text',
      pem: key.public.key.export({ type: 'spki', format: 'pem' }).toString(),
    })),
    threshold: 1,
    channel: false,
    ...more,
  };
}

/** The same with its keys read. */
export function readPolicyOf(keys: readonly SigningKey[], more: Partial<ReadPolicy> = {}): ReadPolicy {
  return { ...policyOf([]), id: 'test', keys: keys.map((key) => key.public), ...more };
}

/** An image that was found by its tag. */
export function candidateOf(target: Target, subject: Descriptor, more: Partial<Candidate> = {}): Candidate {
  return {
    reference: `${repository}:latest`,
    repository,
    place: repository,
    images: [repository],
    engines: ['train'],
    tag: 'latest',
    resolved: subject.digest,
    manifest: subject,
    target: () => target,
    ...more,
  };
}

/** A request to let images in for `train`, with a store to remember in. */
export function requestOf(
  store: Store,
  candidates: readonly Candidate[],
  policies: readonly TrustPolicy[],
  now = new Date(Date.UTC(2026, 0, 5)),
): AdmissionRequest {
  return {
    candidates,
    policies,
    memory: async () => trustMemory(store),
    now: () => now,
  };
}

/** A store in a directory of the test's own. */
export function newStore(): Store {
  return storeAt(`${temporaryDirectory()}/store`, ownerOf(process.pid), () => new Date());
}

/** Signs that the channel leads to an image. */
export async function signStep(
  target: Target,
  subject: Descriptor,
  key: SigningKey,
  step: number,
  more: Partial<ChannelStep> = {},
): Promise<void> {
  const said: ChannelStep = {
    channel: 'train',
    repository,
    tag: 'latest',
    tags: ['latest'],
    step,
    digest: subject.digest,
    version: undefined,
    reason: 'promote',
    time: '2026-01-01T00:00:00.000Z',
    expires: undefined,
    previous: undefined,
    ...more,
  };
  await attachSigned(target, {
    subject,
    created: said.time,
    predicateType: channelType,
    predicate: formatChannelStep(said),
    key,
  });
}
