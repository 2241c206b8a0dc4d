import { type EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Candidate } from './admission.js';
import type { ChannelStep } from './channel-step.js';
import { examineAll, followedTag, type GovernedImage } from './judge.js';
import { acceptStep, judgeChannel } from './judge-channel.js';
import type { TrustMemory } from './memory.js';
import type { Acceptance, SeenChannel } from './seen.js';

/** A step of a channel that is not as it should be, and that somebody can take. Plain data but for the candidate. */
export interface PlannedAcceptance {
  readonly candidate: Candidate;
  readonly step: ChannelStep;
  /** What is wrong with it; at least one. */
  readonly what: readonly Acceptance['what'][];
  /** What was seen before; undefined where nothing was, or it cannot be read. */
  readonly before: SeenChannel | undefined;
  /** What counts as seen afterwards. */
  readonly after: SeenChannel;
}

/**
 * Plans to take what channels lead to now, though they went back, say two things, or are too old. What is not signed cannot be taken.
 * Writes nothing.
 * @param by who takes it
 * @throws EngineshedError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`, `CHANNEL_UNPROVEN`, and as `readSigned` does
 */
export async function planAcceptance(
  images: readonly GovernedImage[],
  memory: TrustMemory,
  now: Date,
  by: string,
): Promise<PlannedAcceptance[]> {
  const damaged = new Set<string>();
  const findings = await examineAll(images, forgiving(memory, damaged), now);
  return findings.flatMap((finding): PlannedAcceptance[] => {
    const { candidate, channel, fault } = finding;
    const followed = followedTag(candidate);
    const mayBeTaken = channel?.kind !== undefined && channel.kind !== 'unproven';
    if (fault !== undefined && !(mayBeTaken && isOfChannel(fault))) throw fault;
    if (followed === undefined || !mayBeTaken) return [];
    const { step } = channel;
    const isDamaged = damaged.has(`${followed.place}:${followed.tag}`);
    const before = isDamaged ? undefined : memory.seen(followed.place, followed.tag);
    const what: Acceptance['what'][] = isDamaged ? ['unreadable'] : [];
    const take = (seen: SeenChannel | undefined, fault: Acceptance['what']) =>
      acceptStep(followed, step, seen, { time: now.toISOString(), by, what: fault });
    let after = isDamaged ? take(undefined, 'unreadable') : before;
    // One that is too old may lead back, too.
    for (;;) {
      const { kind } = judgeChannel(followed, [step], after, now);
      if (kind === 'proven' || kind === 'unproven') break;
      what.push(kind);
      after = take(after, kind);
    }
    return what.length === 0 || after === undefined ? [] : [{ candidate, step, what, before, after }];
  });
}

/**
 * Writes down what was taken, on the disk when it ends.
 * @throws EngineshedError as `TrustMemory.keep` does
 */
export async function accept(accepted: readonly PlannedAcceptance[], memory: TrustMemory): Promise<void> {
  const channels = accepted.map(({ after }) => ({
    place: after.place,
    tag: after.tag,
    next: () => after,
    whenDamaged: 'replace' as const,
  }));
  if (channels.length > 0) await memory.keep({ channels, images: [] });
}

function isOfChannel(fault: EngineshedError): boolean {
  return isEngineshedError(fault, 'CHANNEL_ROLLBACK', 'CHANNEL_EQUIVOCATION', 'CHANNEL_EXPIRED');
}

/** What cannot be read is what somebody is about to take anew. */
function forgiving(memory: TrustMemory, damaged: Set<string>): TrustMemory {
  return {
    ...memory,
    seen(place, tag) {
      try {
        return memory.seen(place, tag);
      } catch (error) {
        if (!isEngineshedError(error, 'STORE_CORRUPT')) throw error;
        damaged.add(`${place}:${tag}`);
        return undefined;
      }
    },
  };
}
