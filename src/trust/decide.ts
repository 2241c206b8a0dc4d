import { EngineshedError } from '../errors/index.js';
import type { Candidate } from './admission.js';
import { hiddenStep, refusedStep, unprovenTag } from './channel-errors.js';
import { type Evidence, imageSigners, signedSteps, type UnreadSteps } from './evidence.js';
import { enoughSigners } from './image.js';
import { type ChannelVerdict, type FollowedTag, judgeChannel } from './judge-channel.js';
import type { ChannelView, TrustMemory } from './memory.js';
import { describePolicy, isEnough, type ReadPolicy, viewOf } from './policy-keys.js';
import { imageSignatureType } from './types.js';

/** What an image is judged by beside its signatures. */
export interface Judged {
  readonly candidate: Candidate;
  readonly policies: readonly ReadPolicy[];
  readonly memory: TrustMemory;
  readonly now: Date;
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

/** What comes of what is known about an image: whether every policy holds. */
export function decide(about: Judged, evidence: Evidence): Finding {
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
function judgeTag({ candidate, policies, memory, now }: Judged, evidence: Evidence): ChannelFinding[] {
  const followed = followedTag(candidate);
  if (followed === undefined) return [];
  const asking = new Map(policies.filter(({ channel }) => channel).map((policy) => [policy.id, policy]));
  const signed = signedSteps(evidence);
  const unread = evidence.unread.find(({ subject }) => subject === candidate.resolved);
  return [...asking.values()].map((policy): ChannelFinding => {
    const proven = signed.filter(({ signers }) => isEnough(policy, signers));
    const view = viewOf(followed, policy);
    const steps = proven.map(({ step }) => step);
    const verdict = judgeChannel(followed, steps, memory.seen(view), now);
    if (unread !== undefined && verdict.kind === 'proven' && mayBeLater(unread, verdict)) {
      const fault = hiddenStep(candidate, policy, verdict.step, unread);
      return { policy, view, verdict: { kind: 'unproven', others: [] }, signers: [], fault };
    }
    if (verdict.kind !== 'unproven') {
      const by = proven.find(({ step }) => step === verdict.step)?.signers ?? [];
      const fault = verdict.kind === 'proven' ? undefined : refusedStep(candidate, verdict);
      return { policy, view, verdict, signers: [...by].sort(), fault };
    }
    const lacking = signed.filter(
      (one) => !proven.includes(one) && policy.keys.some(({ id }) => one.signers.has(id)),
    );
    const others = {
      others: verdict.others,
      lacking: lacking.map(({ step }) => step),
      unread: unread?.count,
    };
    return { policy, view, verdict, signers: [], fault: unprovenTag(candidate, policy, others) };
  });
}

/**
 * Whether a later step of a channel may be among those that were not opened. Whoever makes one says its time, so that all that are later
 * than one that was opened were opened, too; where what was not says to be later, somebody may hide one behind others, whoever is led
 * back afterwards would not notice. The tag of a version needs no latest step.
 */
function mayBeLater(
  { latestStep }: UnreadSteps,
  { step, seen }: Extract<ChannelVerdict, { readonly kind: 'proven' }>,
): boolean {
  return seen !== undefined && latestStep !== undefined && latestStep > Date.parse(step.time);
}

/** The tag that a candidate came by; undefined where it came by its digest. */
export function followedTag({ repository, place, tag, resolved }: Candidate): FollowedTag | undefined {
  return tag === undefined ? undefined : { repository, place, tag, digest: resolved };
}
