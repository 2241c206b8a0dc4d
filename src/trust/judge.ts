import { mapLimited } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import { canonicalJson } from '../oci/index.js';
import type { Candidate } from './admission.js';
import { isRefusedStep, refusedStep, unprovenTag } from './channel-errors.js';
import { channelType } from './channel-step.js';
import {
  type Evidence,
  type EvidenceWanted,
  imageSigners,
  joinEvidence,
  joinStatements,
  keysOf,
  readEvidence,
  recallEvidence,
  signedSteps,
  subjectsOf,
} from './evidence.js';
import { enoughSigners } from './image.js';
import { type ChannelVerdict, type FollowedTag, judgeChannel } from './judge-channel.js';
import type { ChannelView, FoundTrust, TrustMemory } from './memory.js';
import type { TrustPolicy } from './policy.js';
import { describePolicy, isEnough, type ReadPolicy, readPolicyKeys, viewOf } from './policy-keys.js';
import type { SeenChannel } from './seen.js';
import { imageSignatureType } from './types.js';

/** How many images are looked at at the same time. */
const concurrentImages = 8;
/** What is written of the clock need not be more exact: an hour, in milliseconds. */
const clockStepMs = 60 * 60 * 1000;

const nothing: Evidence = { statements: [], refused: [] };

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

/** What was found out about an image. */
export interface Finding {
  readonly candidate: Candidate;
  readonly evidence: Evidence;
  /** The verdicts on the tag, where one was followed: one for each set of keys that a policy asks for proof of it. */
  readonly channels: readonly ChannelFinding[];
  /** Undefined where all policies hold. */
  readonly fault: EngineshedError | undefined;
}

/** What those who trust some keys are to think of where a tag leads. */
export interface ChannelFinding {
  /** One of the policies with these keys. */
  readonly policy: ReadPolicy;
  readonly view: ChannelView;
  readonly verdict: ChannelVerdict;
  /** The ids of the keys that signed the step of the verdict; empty where there is none. */
  readonly signers: readonly string[];
  /** Undefined where the tag is proven. */
  readonly fault: EngineshedError | undefined;
}

/** What an image is judged by. */
interface Examination {
  readonly candidate: Candidate;
  readonly policies: readonly ReadPolicy[];
  readonly memory: TrustMemory;
  readonly now: Date;
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

function decide(about: Examination, evidence: Evidence): Finding {
  const { candidate, policies } = about;
  const channels = judgeTag(about, evidence);
  const unsigned = signatureFault(candidate, policies, evidence);
  return {
    candidate,
    evidence,
    channels,
    fault: unsigned ?? channels.find(({ fault }) => fault !== undefined)?.fault,
  };
}

function signatureFault(
  { reference }: Candidate,
  policies: readonly ReadPolicy[],
  evidence: Evidence,
): EngineshedError | undefined {
  const signers = imageSigners(evidence);
  const lacking = policies.find((policy) => !isEnough(policy, signers));
  if (lacking === undefined) return undefined;
  const { keys, threshold } = lacking;
  const own = evidence.statements.filter(({ predicateType }) => predicateType === imageSignatureType);
  const isByOthers = own.length > 0 && !keys.some(({ id }) => signers.has(id));
  if (isByOthers)
    return new EngineshedError(
      'SIGNATURE_INVALID',
      `${reference} is signed, and not by ${keys.map(({ label }) => label).join(', ')}, as ${describePolicy(lacking)} demands`,
      { hint: 'All policies that are for an image must hold.', details: { reference } },
    );
  try {
    enoughSigners({ ...evidence, statements: own }, reference, {
      keys,
      threshold,
      by: describePolicy(lacking),
    });
    return undefined;
  } catch (error) {
    return error as EngineshedError;
  }
}

/** Each set of keys has a memory of its own: whoever brings a policy, as a checkout may, decides nothing for the others. */
function judgeTag({ candidate, policies, memory, now }: Examination, evidence: Evidence): ChannelFinding[] {
  const followed = followedTag(candidate);
  if (followed === undefined) return [];
  const asking = new Map(policies.filter(({ channel }) => channel).map((policy) => [policy.id, policy]));
  const signed = signedSteps(evidence);
  return [...asking.values()].map((policy): ChannelFinding => {
    const proven = signed.filter(({ signers }) => isEnough(policy, signers));
    const view = viewOf(followed, policy);
    const steps = proven.map(({ step }) => step);
    const verdict = judgeChannel(followed, steps, memory.seen(view), now);
    if (verdict.kind !== 'unproven') {
      const by = proven.find(({ step }) => step === verdict.step)?.signers ?? [];
      const fault = verdict.kind === 'proven' ? undefined : refusedStep(candidate, verdict);
      return { policy, view, verdict, signers: [...by].sort(), fault };
    }
    const lacking = signed.filter(
      (one) => !proven.includes(one) && policy.keys.some(({ id }) => one.signers.has(id)),
    );
    const others = { others: verdict.others, lacking: lacking.map(({ step }) => step) };
    return { policy, view, verdict, signers: [], fault: unprovenTag(candidate, policy, others) };
  });
}

/** The tag that a candidate came by; undefined where it came by its digest. */
export function followedTag({ repository, place, tag, resolved }: Candidate): FollowedTag | undefined {
  return tag === undefined ? undefined : { repository, place, tag, digest: resolved };
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

async function remember(findings: readonly Finding[], memory: TrustMemory, now: Date): Promise<void> {
  const found: FoundTrust = {
    images: findings.flatMap(({ candidate, evidence }) => newStatements(candidate, evidence, memory)),
    channels: findings.flatMap((finding) =>
      finding.channels.flatMap((channel) => newlySeen(finding.candidate, channel, memory, now)),
    ),
  };
  if (found.images.length + found.channels.length > 0) await memory.keep(found);
}

function newStatements(
  candidate: Candidate,
  { statements }: Evidence,
  memory: TrustMemory,
): FoundTrust['images'] {
  return subjectsOf(candidate).flatMap((digest) => {
    const own = joinStatements(statements.filter(({ subject }) => subject === digest)).map(
      ({ subject: _, ...statement }) => statement,
    );
    return canonicalJson(own) === canonicalJson(memory.statements(digest))
      ? []
      : [{ digest, statements: own }];
  });
}

/** Somebody else may have seen more meanwhile: what is kept is judged by that. */
function newlySeen(
  candidate: Candidate,
  { view, verdict: judged, signers }: ChannelFinding,
  memory: TrustMemory,
  now: Date,
): FoundTrust['channels'] {
  const followed = followedTag(candidate);
  if (followed === undefined || !('seen' in judged)) return [];
  if (judged.kind === 'rollback' || judged.kind === 'equivocation' || judged.seen === undefined) return [];
  const proof = { policy: view.policy, signers };
  if (!isNews(memory.seen(view), { ...judged.seen, proof })) return [];
  const { step } = judged;
  const next = (seen: SeenChannel | undefined): SeenChannel => {
    const verdict = judgeChannel(followed, [step], seen, now);
    if (verdict.kind === 'rollback' || verdict.kind === 'equivocation') throw refusedStep(candidate, verdict);
    if (verdict.kind === 'unproven' || verdict.seen === undefined)
      throw new EngineshedError('INTERNAL', `The step ${step.step} of ${view.tag} was judged in two ways`);
    return { ...verdict.seen, proof };
  };
  return [{ view, next, whenDamaged: 'refuse' }];
}

function isNews(before: SeenChannel | undefined, after: SeenChannel): boolean {
  if (before === undefined) return true;
  const { time: old, ...known } = before;
  const { time, ...seen } = after;
  if (canonicalJson(known) !== canonicalJson(seen)) return true;
  if (time === undefined || time === old) return false;
  return old === undefined || time === seen.expires || Date.parse(time) - Date.parse(old) >= clockStepMs;
}
