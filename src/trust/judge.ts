import { mapLimited } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import { canonicalJson } from '../oci/index.js';
import type { Candidate } from './admission.js';
import { isRefusedStep } from './channel-errors.js';
import { channelType } from './channel-step.js';
import { decide, type Finding, type Judged } from './decide.js';
import {
  type Evidence,
  type EvidenceWanted,
  imageSigners,
  joinEvidence,
  keysOf,
  readEvidence,
  recallEvidence,
  subjectsOf,
} from './evidence.js';
import type { TrustMemory } from './memory.js';
import type { TrustPolicy } from './policy.js';
import { isEnough, type ReadPolicy, readPolicyKeys } from './policy-keys.js';
import { remember } from './remember.js';
import { imageSignatureType } from './types.js';

/** How many images are looked at at the same time. */
const concurrentImages = 8;

const nothing: Evidence = { statements: [], refused: [], unread: [] };

/** An image, and the policies that are for it; at least one. */
export interface GovernedImage {
  readonly candidate: Candidate;
  readonly policies: readonly TrustPolicy[];
}

/**
 * Looks whether every policy of every image holds: by what is remembered where that is enough, else by what is attached to the image.
 * What was found is remembered before this ends, also where it is not enough.
 * @throws EngineshedError as `admit` does
 */
export async function judge(images: readonly GovernedImage[], memory: TrustMemory, now: Date): Promise<void> {
  const findings = await examineAll(images, memory, now);
  await remember(findings, memory, now);
  const [fault] = findings.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  if (fault !== undefined) throw fault;
}

/**
 * Looks at images, and remembers nothing.
 * @throws EngineshedError as `readSigned` and `readPolicyKeys` do, `STORE_CORRUPT`
 */
export async function examineAll(
  images: readonly GovernedImage[],
  memory: TrustMemory,
  now: Date,
): Promise<Finding[]> {
  const policies = new Map<TrustPolicy, ReadPolicy>();
  for (const policy of new Set(images.flatMap((image) => image.policies)))
    policies.set(policy, await readPolicyKeys(policy));
  const keys = keysOf([...policies.values()]);
  // Images of several platforms have the same index.
  const begun = new Map<string, Promise<Evidence | undefined>>();
  const read = (candidate: Candidate, wanted: Omit<EvidenceWanted, 'keys'>) => {
    const key = canonicalJson([candidate.place, wanted.digest, wanted.predicateTypes]);
    const reading = begun.get(key) ?? readEvidence(candidate, { ...wanted, keys });
    begun.set(key, reading);
    return reading;
  };
  return mapLimited(distinct(images), concurrentImages, ({ candidate, policies: its }) =>
    examine({
      candidate,
      policies: its.flatMap((policy) => policies.get(policy) ?? []),
      memory,
      now,
      read,
    }),
  );
}

/** What an image is judged by, and how more is read. */
interface Examination extends Judged {
  readonly read: (
    candidate: Candidate,
    wanted: Omit<EvidenceWanted, 'keys'>,
  ) => Promise<Evidence | undefined>;
}

async function examine(about: Examination): Promise<Finding> {
  const { candidate, policies, memory, read } = about;
  const known = decide(about, recallEvidence(candidate, memory));
  if (known.fault === undefined) return withLaterSteps(about, known);
  let { evidence } = known;
  for (const digest of subjectsOf(candidate)) {
    // Other keys than those of today may have judged what is known.
    const found = await read(candidate, {
      digest,
      predicateTypes: [imageSignatureType, channelType],
      known: nothing,
    });
    if (found === undefined) return offline(known);
    evidence = joinEvidence(evidence, found);
    // Channels lead to what the reference stood for: of the image that was chosen from that only the signature counts.
    if (policies.every((policy) => isEnough(policy, imageSigners(evidence)))) break;
  }
  return decide(about, evidence);
}

/**
 * What proves a tag may be known from before, and a later step signed for the same image since. Whoever follows the tag now has to see it, or
 * could be led back to what came between. What is known is not read again.
 */
async function withLaterSteps(about: Examination, known: Finding): Promise<Finding> {
  if (known.channels.length === 0) return known;
  const { candidate, read } = about;
  const wanted = { digest: candidate.resolved, predicateTypes: [channelType], known: known.evidence };
  const found = await read(candidate, wanted);
  return found === undefined ? known : decide(about, joinEvidence(known.evidence, found));
}

/** Two sources of one image are looked at once. */
function distinct(images: readonly GovernedImage[]): GovernedImage[] {
  const key = ({ candidate: { place, tag, resolved, manifest }, policies }: GovernedImage) =>
    JSON.stringify([place, tag, resolved, manifest.digest, policies.map(({ name, file }) => [name, file])]);
  return [...new Map(images.map((image) => [key(image), image])).values()];
}

/** What was judged stays; what is only not known cannot be found out. */
function offline(known: Finding): Finding {
  const { candidate, fault } = known;
  if (fault === undefined || isRefusedStep(fault)) return known;
  return {
    ...known,
    fault: new EngineshedError(
      'OFFLINE',
      `The store does not know the signatures of ${candidate.reference}, and the network is not to be used`,
      { hint: `Leave out --offline, and unset ENGINESHED_OFFLINE. ${fault.message}`, cause: fault },
    ),
  };
}
