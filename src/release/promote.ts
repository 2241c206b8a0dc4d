import type { Target } from '../content/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import type { ChannelStep } from '../trust/index.js';
import { findChannel, readSteps, recordStep } from './channel.js';
import { type PromotionInputs, stepToRecord } from './promotion-step.js';

/** What a promotion will do. Plain data but for the key; `--dry-run` prints it. */
export interface PromotionPlan extends PromotionInputs {
  /** Where the channel leads now; undefined where it leads nowhere. */
  readonly from: Descriptor | undefined;
  /** Tags to set, in this order. */
  readonly tags: readonly string[];
  /** What is recorded; undefined where nothing is to be. */
  readonly step: ChannelStep | undefined;
}

/**
 * Plans to let a channel lead to a release. Reads the place, writes nothing. Where it leads there already, a signed step is still made
 * where none proves all tags; and one that others signed is signed by this key, too.
 * @throws EngineshedError `TAG_IMMUTABLE` where the tag of the version is another release's, `CHANNEL_UNPROVEN` where no number is left
 * for a step, and as `Target.resolve` does
 */
export async function planPromotion(target: Target, inputs: PromotionInputs): Promise<PromotionPlan> {
  const { release, channel, tag, versionTag, signing, reason } = inputs;
  const [from, standing] = await Promise.all([
    findChannel(target, tag),
    versionTag === undefined ? undefined : findChannel(target, versionTag),
  ]);
  if (versionTag !== undefined && standing !== undefined && standing.digest !== release.digest)
    throw takenVersion(target, versionTag, standing.digest);
  const isThere = from?.digest === release.digest;
  const tags = [
    ...(versionTag === undefined || standing !== undefined ? [] : [versionTag]),
    ...(isThere ? [] : [tag]),
  ];
  const plan = { ...inputs, from, tags };
  if (isThere && reason !== 'renew' && signing === undefined) return { ...plan, step: undefined };
  const keys = signing === undefined ? [] : [signing.key.public, ...signing.known];
  const here = from === undefined ? [] : await readSteps(target, channel, from, keys);
  // Somebody may have moved the tag away: what was signed of the release that it comes back to tells the number, too.
  const own = isThere || signing === undefined ? [] : await readSteps(target, channel, release, keys);
  return { ...plan, step: stepToRecord(inputs, { from, here, own }) };
}

/**
 * Carries out a promotion: the tag of the version first, the record of the step, the channel last. Registries cannot set a tag only
 * where it still is what it was, so each is read before and after.
 * @throws EngineshedError `TAG_IMMUTABLE`, `CHANNEL_MOVED` where somebody else moved the channel meanwhile
 */
export async function promote(target: Target, plan: PromotionPlan): Promise<void> {
  const { release, channel, tag, versionTag, step, from, signing } = plan;
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
    await recordStep(target, release, `${target.label}:${tag}`, step, signing?.key);
    if (!plan.tags.includes(tag)) return;
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
