import type { Digest } from '../oci/index.js';
import type { ChannelStep } from './channel-step.js';
import { type Acceptance, isAccepted, type SeenStep } from './seen.js';

/** A tag that was followed, and what it led to. */
export interface FollowedTag {
  /** The canonical repository: `HOST/PATH`, or `oci:DIRECTORY`. */
  readonly repository: string;
  /** Where it is on this machine (see `SeenStep`). */
  readonly place: string;
  readonly tag: string;
  readonly digest: Digest;
}

/** What is to be thought of where a tag leads. */
export type ChannelVerdict =
  /** `seen` is what to remember; undefined where the tag is that of a version, which never moves. */
  | {
      readonly kind: 'proven';
      readonly step: ChannelStep;
      readonly seen: SeenStep | undefined;
    }
  /** No statement is about this tag of this repository and this digest. `others` are about something else. */
  | { readonly kind: 'unproven'; readonly others: readonly ChannelStep[] }
  /** An earlier step than what was seen, or another release under the number that was seen. */
  | {
      readonly kind: 'rollback' | 'equivocation';
      readonly step: ChannelStep;
      readonly seen: SeenStep;
    }
  /** `at` is the time by which it was judged, RFC 3339; `seen` is to be remembered all the same. */
  | {
      readonly kind: 'expired';
      readonly step: ChannelStep;
      readonly at: string;
      readonly seen: SeenStep;
    };

/**
 * Judges where a tag leads by statements that enough of the right keys signed. The channel's own tag must not lead to an earlier step
 * than was seen (rollback), to another release under the number that was seen (equivocation), nor to a step whose time is over
 * (freeze), by the clock or by the latest time that was seen. The tag of a version has to be what its statement says, and no more.
 * @param seen what was seen of the tag; undefined where it never was
 */
export function judgeChannel(
  followed: FollowedTag,
  statements: readonly ChannelStep[],
  seen: SeenStep | undefined,
  now: Date,
): ChannelVerdict {
  const { repository, tag, digest } = followed;
  const about = statements.filter(
    (step) => step.repository === repository && step.digest === digest && step.tags.includes(tag),
  );
  const own = about.filter((step) => step.tag === tag);
  const [step] = [...own].sort(latestFirst);
  if (step === undefined) {
    // What was a channel does not become a version, which anything would do for.
    const [version] = about;
    if (version !== undefined && seen === undefined)
      return { kind: 'proven', step: version, seen: undefined };
    return { kind: 'unproven', others: statements.filter((other) => !about.includes(other)) };
  }
  if (seen !== undefined && step.step < seen.step) return { kind: 'rollback', step, seen };
  if (seen !== undefined && step.step === seen.step && digest !== seen.digest)
    return { kind: 'equivocation', step, seen };
  const at = latest(now.toISOString(), seen?.time);
  const next = nextSeen(followed, step, seen, at);
  const isOver = step.expires !== undefined && Date.parse(at) >= Date.parse(step.expires);
  if (isOver && !isAccepted(next)) return { kind: 'expired', step, at, seen: next };
  return { kind: 'proven', step, seen: next };
}

/**
 * What is remembered of a channel after somebody took what it is.
 * @param about `what` is the verdict: not that it is proven, which needs nobody, nor that it is unproven, which nobody can take
 */
export function acceptStep(
  followed: FollowedTag,
  step: ChannelStep,
  seen: SeenStep | undefined,
  about: Pick<Acceptance, 'time' | 'by' | 'what'>,
): SeenStep {
  const from = seen && { step: seen.step, digest: seen.digest };
  const acceptance: Acceptance = {
    ...about,
    ...(from === undefined ? {} : { from }),
    to: { step: step.step, digest: step.digest },
  };
  return {
    ...seenOf(followed, step),
    ...(seen?.time === undefined ? {} : { time: seen.time }),
    accepted: [...(seen?.accepted ?? []), acceptance],
  };
}

/** Of steps with one number that which lasts longest: a promotion that was interrupted and done again has made two. */
function latestFirst(a: ChannelStep, b: ChannelStep): number {
  const end = ({ expires }: ChannelStep) =>
    expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
  if (a.step !== b.step) return b.step - a.step;
  return end(a) === end(b) ? 0 : end(a) < end(b) ? 1 : -1;
}

function nextSeen(
  followed: FollowedTag,
  step: ChannelStep,
  seen: SeenStep | undefined,
  at: string,
): SeenStep {
  const until = step.expires === undefined ? undefined : earliest(at, step.expires);
  const time = until === undefined ? seen?.time : latest(until, seen?.time);
  return {
    ...seenOf(followed, step),
    ...(time === undefined ? {} : { time }),
    accepted: seen?.accepted ?? [],
  };
}

function seenOf(
  { place, tag }: FollowedTag,
  { channel, step, digest, expires }: ChannelStep,
): Omit<SeenStep, 'accepted'> {
  return { place, tag, channel, step, digest, ...(expires === undefined ? {} : { expires }) };
}

function latest(time: string, other: string | undefined): string {
  return other === undefined || Date.parse(time) >= Date.parse(other) ? time : other;
}

function earliest(time: string, other: string): string {
  return Date.parse(time) <= Date.parse(other) ? time : other;
}
