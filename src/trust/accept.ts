import { isEngineshedError } from '../errors/index.js';
import type { Candidate } from './admission.js';
import { isRefusedStep } from './channel-errors.js';
import type { ChannelStep } from './channel-step.js';
import { type ChannelFinding, followedTag } from './decide.js';
import { examineAll, type GovernedImage } from './judge.js';
import { acceptStep, judgeChannel } from './judge-channel.js';
import type { ChannelView, TrustMemory } from './memory.js';
import type { ReadPolicy } from './policy-keys.js';
import type { Acceptance, SeenChannel, SeenStep } from './seen.js';

/** A step of a channel that is not as it should be, and that somebody can take. Plain data but for the candidate. */
export interface PlannedAcceptance {
  readonly candidate: Candidate;
  /** For whom it is taken: one of the policies with just these keys. */
  readonly policy: ReadPolicy;
  readonly view: ChannelView;
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
  for (const { fault, channels } of findings) {
    const unproven = channels.find(({ verdict }) => verdict.kind === 'unproven')?.fault;
    if (fault !== undefined && !isRefusedStep(fault)) throw fault;
    if (unproven !== undefined) throw unproven;
  }
  return findings.flatMap(({ candidate, channels }) =>
    channels.flatMap((channel) => planOne(candidate, channel)),
  );

  function planOne(
    candidate: Candidate,
    { policy, view, verdict, signers }: ChannelFinding,
  ): PlannedAcceptance[] {
    const followed = followedTag(candidate);
    if (followed === undefined || verdict.kind === 'unproven') return [];
    const { step } = verdict;
    const isDamaged = damaged.has(nameOf(view));
    const before = isDamaged ? undefined : memory.seen(view);
    const what: Acceptance['what'][] = isDamaged ? ['unreadable'] : [];
    const take = (seen: SeenStep | undefined, fault: Acceptance['what']) =>
      acceptStep(followed, step, seen, { time: now.toISOString(), by, what: fault });
    let after: SeenStep | undefined = isDamaged ? take(undefined, 'unreadable') : before;
    // One that is too old may lead back, too.
    for (;;) {
      const { kind } = judgeChannel(followed, [step], after, now);
      if (kind === 'proven' || kind === 'unproven') break;
      what.push(kind);
      after = take(after, kind);
    }
    if (what.length === 0 || after === undefined) return [];
    const proof = { policy: view.policy, signers };
    return [{ candidate, policy, view, step, what, before, after: { ...after, proof } }];
  }
}

/**
 * Writes down what was taken, on the disk when it ends.
 * @throws EngineshedError as `TrustMemory.keep` does
 */
export async function accept(accepted: readonly PlannedAcceptance[], memory: TrustMemory): Promise<void> {
  const channels = accepted.map(({ view, after }) => ({
    view,
    next: () => after,
    whenDamaged: 'replace' as const,
  }));
  if (channels.length > 0) await memory.keep({ channels, images: [] });
}

/** What cannot be read is what somebody is about to take anew. */
function forgiving(memory: TrustMemory, damaged: Set<string>): TrustMemory {
  return {
    ...memory,
    seen(view) {
      try {
        return memory.seen(view);
      } catch (error) {
        if (!isEngineshedError(error, 'STORE_CORRUPT')) throw error;
        damaged.add(nameOf(view));
        return undefined;
      }
    },
  };
}

function nameOf({ place, tag, policy }: ChannelView): string {
  return `${policy} ${place}:${tag}`;
}
