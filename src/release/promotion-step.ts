import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import {
  type ChannelStep,
  type MoveReason,
  maxStep,
  maxStepTags,
  type SigningKey,
  type TrustedKey,
} from '../trust/index.js';
import type { RecordedStep } from './channel.js';

/**
 * By so much the number of a step may be above those that are proven and still count, though fewer keys signed it than users ask for, or
 * none: each such step could otherwise leave no number for the next.
 */
const maxUnprovenLead = 1_000_000;

/** Where a release is to go. */
export interface PromotionInputs {
  readonly release: Descriptor;
  readonly channel: string;
  /** What statements call the place of the releases (see `repositoryName`). */
  readonly repository: string;
  /** The tag of the channel. */
  readonly tag: string;
  /** The tag that this release gets and that never moves; undefined for none. */
  readonly versionTag: string | undefined;
  /** What the release is called in the channel's history. */
  readonly version: string | undefined;
  readonly reason: MoveReason;
  /** RFC 3339. */
  readonly time: string;
  /** Until when the step may be believed, RFC 3339; undefined for ever. */
  readonly expires: string | undefined;
  /** Signs the step; undefined for a plain record. */
  readonly signing: PromotionSigning | undefined;
}

/** Who signs a step, and what is known of those before. */
export interface PromotionSigning {
  readonly key: SigningKey;
  /** Keys whose signatures count beside: those of the policies for the release. */
  readonly known: readonly TrustedKey[];
  /** Whether a step that these of the keys signed is proven to some of those who follow the channel. */
  readonly isProof: (signers: readonly TrustedKey[]) => boolean;
  /** The highest step that this machine saw of the channel; 0 for none. A registry may show an older one. */
  readonly seen: number;
  /** The highest step that is signed at other releases of the channel (see {@link findLatestSigned}); undefined where none is. */
  readonly latest: ChannelStep | undefined;
}

/** What was found of a channel. */
interface FoundSteps {
  /** Where it leads now; undefined where it leads nowhere. */
  readonly from: Descriptor | undefined;
  /** The steps there, the latest first. */
  readonly here: readonly RecordedStep[];
  /** The steps at the release that it is to lead to, where that is another one. */
  readonly own: readonly RecordedStep[];
}

/**
 * The step of a channel that a promotion records: the next, the one that another key has signed already where that says the same, or none
 * where all is said.
 * @throws EngineshedError `CHANNEL_UNPROVEN` where no number is left for a step
 */
export function stepToRecord(inputs: PromotionInputs, found: FoundSteps): ChannelStep | undefined {
  const { release, reason, signing } = inputs;
  const { from } = found;
  const proven = highestProven([...found.here, ...found.own], signing);
  const [here, own] = [found.here, found.own].map((steps) =>
    steps.filter((step) => isCredible(step, signing?.latest, proven)),
  ) as [RecordedStep[], RecordedStep[]];
  const highest = Math.max(proven, ...[...here, ...own].map(({ step }) => step));
  const recorded = { here, proven, highest, from };
  if (signing === undefined) return nextStep(inputs, recorded);
  return from?.digest === release.digest && reason !== 'renew'
    ? unsignedStep(inputs, signing, recorded)
    : (begunRenewal(inputs, recorded) ?? nextStep(inputs, recorded));
}

/** What is recorded of a channel before. */
interface Recorded {
  /** At the release that it leads to, the latest first. */
  readonly here: readonly RecordedStep[];
  /** The highest number of a step that enough keys signed; 0 for none. */
  readonly proven: number;
  /** The highest number of a step that is known; 0 for none. */
  readonly highest: number;
  readonly from: Descriptor | undefined;
}

function highestProven(steps: readonly RecordedStep[], signing: PromotionSigning | undefined): number {
  if (signing === undefined) return 0;
  const proven = steps.filter(({ signature, signers }) => signature === 'known' && signing.isProof(signers));
  return Math.max(0, signing.seen, signing.latest?.step ?? 0, ...proven.map(({ step }) => step));
}

/**
 * Anybody who may push can record a plain step, and whoever has one key of several sign one, with a number that leaves none for later
 * ones; where the channel has signed steps, only those count.
 */
function isCredible(
  { signature, step }: RecordedStep,
  latest: ChannelStep | undefined,
  proven: number,
): boolean {
  return (signature === 'known' || latest === undefined) && step <= proven + maxUnprovenLead;
}

function nextStep(inputs: PromotionInputs, { here, highest, from }: Recorded): ChannelStep {
  const [last] = here;
  const { channel, repository, tag, release, version, reason, time, expires, signing } = inputs;
  if (highest >= maxStep) throw lastStep(channel);
  const latest = signing?.latest;
  // Somebody without the key may have led the tag elsewhere; the history goes on where the channel was.
  const before = latest !== undefined && latest.step > (last?.step ?? 0) ? latest : undefined;
  return {
    channel,
    repository,
    tag,
    tags: tagsToProve(inputs, here),
    step: highest + 1,
    digest: release.digest,
    version,
    reason,
    time,
    expires,
    previous:
      before !== undefined
        ? { step: before.step, digest: before.digest }
        : from && { step: last?.step ?? 0, digest: from.digest },
  };
}

/**
 * The tags that a step proves. One that signs anew says of the others, too, what this key said: users read the latest steps only. What
 * another key said it does not, for more than one may be asked for.
 */
function tagsToProve(
  { tag, repository, versionTag, reason, signing }: PromotionInputs,
  here: readonly RecordedStep[],
): readonly string[] {
  const own = here.filter(
    (step) =>
      reason === 'renew' &&
      step.repository === repository &&
      step.tag === tag &&
      step.signers.some(({ id }) => id === signing?.key.public.id),
  );
  const others = [...(versionTag === undefined ? [] : [versionTag]), ...own.flatMap(({ tags }) => tags)];
  return [...new Set(others)]
    .filter((one) => one !== tag)
    .slice(0, maxStepTags - 1)
    .concat(tag);
}

/**
 * What this key has to sign still, where the channel leads to the release already: nothing where it has signed all that is to be said;
 * the step that others signed where that says it, for it stays the same step; else a new one.
 */
function unsignedStep(
  inputs: PromotionInputs,
  { key, seen, latest: elsewhere }: PromotionSigning,
  recorded: Recorded,
): ChannelStep | undefined {
  const { tag, versionTag } = inputs;
  const known = validSteps(inputs, recorded);
  // Somebody without the key led the tag back here: users take an earlier step for a release that is played back.
  if ((known[0]?.step ?? 0) < Math.max(seen, elsewhere?.step ?? 0)) return nextStep(inputs, recorded);
  const wanted = versionTag === undefined ? [tag] : [tag, versionTag];
  const say = (steps: readonly RecordedStep[]) =>
    wanted.every((one) => steps.some(({ tags }) => tags.includes(one)));
  const own = known.filter(({ signers }) => signers.some(({ id }) => id === key.public.id));
  if (say(own)) return undefined;
  const [latest] = known;
  if (latest === undefined || own.includes(latest) || !isAsWanted(latest, inputs, wanted))
    return nextStep(inputs, recorded);
  return saidOf(latest);
}

/** The step by which another key signed anew that the channel is where it is, where too few have signed that yet. */
function begunRenewal(inputs: PromotionInputs, recorded: Recorded): ChannelStep | undefined {
  if (inputs.reason !== 'renew') return undefined;
  const begun = validSteps(inputs, recorded).find(
    ({ reason, step }) => reason === 'renew' && step > recorded.proven,
  );
  return begun !== undefined && isAsWanted(begun, inputs, tagsToProve(inputs, recorded.here))
    ? saidOf(begun)
    : undefined;
}

/** The steps here that a known key signed for this channel, and that are not over. */
function validSteps({ tag, repository, time }: PromotionInputs, { here }: Recorded): RecordedStep[] {
  return here.filter(
    (step) =>
      step.signature === 'known' &&
      step.repository === repository &&
      step.tag === tag &&
      (step.expires === undefined || Date.parse(step.expires) > Date.parse(time)),
  );
}

function saidOf({ signature: _, signers: __, ...step }: RecordedStep): ChannelStep {
  return step;
}

/** Whether a step that another key signed says what this one would, and no more. */
function isAsWanted(
  step: ChannelStep,
  { version, expires }: PromotionInputs,
  wanted: readonly string[],
): boolean {
  const isInTime =
    expires === undefined || (step.expires !== undefined && Date.parse(step.expires) <= Date.parse(expires));
  const isAboutTags = step.tags.length === wanted.length && wanted.every((one) => step.tags.includes(one));
  return isInTime && isAboutTags && step.version === version;
}

function lastStep(channel: string): EngineshedError {
  return new EngineshedError(
    'CHANNEL_UNPROVEN',
    `The channel ${channel} has had step ${maxStep}, the last that there can be`,
    {
      hint: 'Whoever signed that has a key of the channel: change the keys, and give the channel another tag.',
    },
  );
}
