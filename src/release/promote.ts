import type { Target } from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { type ChannelStep, findChannel, type MoveReason, readChannelHistory, recordStep } from './channel.js';

/** Where a release is to go. */
export interface PromotionInputs {
  readonly release: Descriptor;
  readonly channel: string;
  /** The tag of the channel. */
  readonly tag: string;
  /** The tag that this release gets and that never moves; undefined for none. */
  readonly versionTag: string | undefined;
  /** What the release is called in the channel's history. */
  readonly version: string | undefined;
  readonly reason: MoveReason;
  /** RFC 3339. */
  readonly time: string;
}

/** What a promotion will do. Plain data; `--dry-run` prints it. */
export interface PromotionPlan extends PromotionInputs {
  /** Where the channel leads now; undefined where it leads nowhere. */
  readonly from: Descriptor | undefined;
  /** Tags to set, in this order. */
  readonly tags: readonly string[];
  /** What is recorded; undefined where the channel leads to the release already. */
  readonly step: ChannelStep | undefined;
}

/**
 * Plans to let a channel lead to a release. Reads the place, writes nothing.
 * @throws EngineshedError `TAG_IMMUTABLE` where the tag of the version is another release's, and as `Target.resolve` does
 */
export async function planPromotion(target: Target, inputs: PromotionInputs): Promise<PromotionPlan> {
  const { release, channel, tag, versionTag, version, reason, time } = inputs;
  const [from, standing] = await Promise.all([
    findChannel(target, tag),
    versionTag === undefined ? undefined : findChannel(target, versionTag),
  ]);
  if (versionTag !== undefined && standing !== undefined && standing.digest !== release.digest)
    throw takenVersion(target, versionTag, standing.digest);
  const tags = [
    ...(versionTag === undefined || standing !== undefined ? [] : [versionTag]),
    ...(from?.digest === release.digest ? [] : [tag]),
  ];
  if (from?.digest === release.digest) return { ...inputs, from, tags, step: undefined };
  const [last] = from === undefined ? [] : await readChannelHistory(target, channel, from, 1);
  const step = {
    channel,
    step: (last?.step ?? 0) + 1,
    digest: release.digest,
    version,
    reason,
    time,
    previous: from === undefined ? undefined : { step: last?.step ?? 0, digest: from.digest },
  };
  return { ...inputs, from, tags, step };
}

/**
 * Carries out a promotion: the tag of the version first, the record of the step, the channel last. Registries cannot set a tag only
 * where it still is what it was, so each is read before and after.
 * @throws EngineshedError `TAG_IMMUTABLE`, `CHANNEL_MOVED` where somebody else moved the channel meanwhile
 */
export async function promote(target: Target, plan: PromotionPlan): Promise<void> {
  const { release, channel, tag, versionTag, step, from } = plan;
  try {
    if (versionTag !== undefined && plan.tags.includes(versionTag)) {
      const standing = await findChannel(target, versionTag);
      if (standing !== undefined && standing.digest !== release.digest)
        throw takenVersion(target, versionTag, standing.digest);
      await target.tag(release, versionTag);
      const { digest } = await target.resolve(versionTag);
      if (digest !== release.digest) throw takenVersion(target, versionTag, digest);
    }
    if (step === undefined) return;
    await recordStep(target, release, `${target.label}:${tag}`, step);
    const now = await findChannel(target, tag);
    if (now?.digest !== from?.digest) throw movedChannel(target, plan, now?.digest);
    await target.tag(release, tag);
    const after = await target.resolve(tag);
    if (after.digest !== release.digest) throw movedChannel(target, plan, after.digest);
  } catch (error) {
    throw inOperation(`Moving the channel ${channel}`, error);
  }
}

function takenVersion(target: Target, tag: string, digest: Digest): EngineshedError {
  return new EngineshedError(
    'TAG_IMMUTABLE',
    `${target.label}:${tag} exists already and stands for another release, ${digest}`,
    { hint: 'A version never moves: choose the next one.', details: { actual: digest } },
  );
}

function movedChannel(target: Target, { tag, channel }: PromotionPlan, digest?: Digest): EngineshedError {
  return new EngineshedError(
    'CHANNEL_MOVED',
    `Somebody else moved ${target.label}:${tag} at the same time${digest === undefined ? '' : `, to ${digest}`}`,
    {
      hint: `See what it leads to with "engineshed release history ${channel}", and promote again where that is not what is wanted.`,
      ...(digest === undefined ? {} : { details: { actual: digest } }),
    },
  );
}
