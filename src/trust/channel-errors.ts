import { shortDigest } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Candidate } from './admission.js';
import type { ChannelStep } from './channel-step.js';
import type { UnreadSteps } from './evidence.js';
import type { ChannelVerdict } from './judge-channel.js';
import type { TrustPolicy } from './policy.js';
import { describePolicy } from './policy-keys.js';
import { maxBundles } from './read.js';

/** A step of a channel that is not taken. */
export type RefusedStep = Extract<ChannelVerdict, { readonly kind: 'rollback' | 'equivocation' | 'expired' }>;

/** The error for a step of a channel that is not taken: what was found, what was seen before, and how to take it all the same. */
export function refusedStep(candidate: Candidate, verdict: RefusedStep): EngineshedError {
  const { reference } = candidate;
  const { step, seen } = verdict;
  const place = `the channel ${step.channel} (${reference})`;
  const accept = `If that is what its publisher wants, take it: engineshed trust accept ${exactly(candidate)}`;
  const details = { reference, actual: step.step, expected: seen.step };
  switch (verdict.kind) {
    case 'rollback':
      return new EngineshedError(
        'CHANNEL_ROLLBACK',
        `${place} leads back to step ${step.step} of ${day(step.time)}, ${shortDigest(step.digest)}; here step ${seen.step} was seen, ${shortDigest(seen.digest)}`,
        { hint: `Somebody may play an old release back, with faults that are known. ${accept}`, details },
      );
    case 'equivocation':
      return new EngineshedError(
        'CHANNEL_EQUIVOCATION',
        `${place} has two releases as step ${step.step}: ${step.digest} is there now, and ${seen.digest} was seen here`,
        {
          hint: `Whoever has its key tells different things to different people. Ask its publisher which is right. ${accept}`,
          details: { reference, actual: step.digest, expected: seen.digest },
        },
      );
    case 'expired':
      return new EngineshedError(
        'CHANNEL_EXPIRED',
        `${place} says nothing newer than step ${step.step} of ${day(step.time)}, which was to be believed until ${step.expires}; it is ${verdict.at} by the latest time that was seen here`,
        {
          hint: `Somebody may keep newer releases back. Its publisher renews it: engineshed release renew ${step.channel} --key FILE. Where the clock of this machine is, or was, wrong: set it right. ${accept}`,
          details: { reference, actual: verdict.at, expected: step.expires ?? '' },
        },
      );
  }
}

/** Whether an error is about a step that is not taken, and that somebody can take all the same. */
export function isRefusedStep(fault: EngineshedError): boolean {
  return isEngineshedError(fault, 'CHANNEL_ROLLBACK', 'CHANNEL_EQUIVOCATION', 'CHANNEL_EXPIRED');
}

/** What there is instead of a proof. */
export interface OtherSteps {
  /** Signed by enough keys, and about something else. */
  readonly others: readonly ChannelStep[];
  /** Signed by too few keys. */
  readonly lacking: readonly ChannelStep[];
  /** How many were too many to open; undefined for none. */
  readonly unread: number | undefined;
}

/** The error for a tag that no statement is about. */
export function unprovenTag(
  candidate: Candidate,
  policy: Pick<TrustPolicy, 'name' | 'file' | 'threshold'>,
  { others, lacking, unread }: OtherSteps,
): EngineshedError {
  const { reference, resolved } = candidate;
  const [other] = others;
  const [few] = lacking;
  const instead =
    few !== undefined
      ? `; the statement about step ${few.step} of ${few.channel} is signed by fewer keys than ${policy.threshold}`
      : other === undefined
        ? ': it has no signed statement of its channel'
        : `; what is there is about ${other.repository}:${other.tags.join(', ')}`;
  return new EngineshedError(
    'CHANNEL_UNPROVEN',
    `Nothing proves that ${reference} leads to ${resolved}, as ${describePolicy(policy)} demands${instead}${unread === undefined ? '' : `. ${notRead(unread)}`}`,
    {
      hint: `Somebody without the key may have moved the tag; what is installed stays as it is. Its publisher signs where it leads: engineshed release promote RELEASE CHANNEL --key FILE. Who is sure of the digest names it instead of the tag: ${withoutTag(candidate)}`,
      details: { reference, actual: resolved },
    },
  );
}

/**
 * The error for a channel of which a later step may be among those that were not opened. Nothing that was not opened may let pass what it
 * would refuse.
 * @param step the latest that is proven to the policy
 */
export function hiddenStep(
  candidate: Candidate,
  policy: Pick<TrustPolicy, 'name' | 'file'>,
  step: ChannelStep,
  { count, latestStep = 0 }: Pick<UnreadSteps, 'count' | 'latestStep'>,
): EngineshedError {
  const { reference, resolved } = candidate;
  return new EngineshedError(
    'CHANNEL_UNPROVEN',
    `Nothing proves that step ${step.step} of ${step.time} is the latest of ${step.channel} (${reference}), as ${describePolicy(policy)} demands. ${notRead(count)}, and one says that it is of ${new Date(latestStep).toISOString()}`,
    {
      hint: `Somebody may hide a later step behind them. Who may write to the registry removes those that nobody needs, or its publisher signs again: engineshed release renew ${step.channel} --key FILE. Who is sure of the digest names it instead of the tag: ${withoutTag(candidate)}`,
      details: { reference, actual: resolved },
    },
  );
}

function notRead(count: number): string {
  return `Of the steps that are attached to it ${count} are not read, for there are more than ${maxBundles}`;
}

/** The reference with the digest that it led to: what was looked at, and nothing that comes later. */
function exactly({ reference, resolved }: Candidate): string {
  return reference.includes('@') ? reference : `${reference}@${resolved}`;
}

function withoutTag(candidate: Candidate): string {
  const { reference, tag, resolved } = candidate;
  const end = `:${tag}`;
  return `${reference.endsWith(end) ? reference.slice(0, -end.length) : reference}@${resolved}`;
}

function day(time: string): string {
  return time.slice(0, 10);
}
