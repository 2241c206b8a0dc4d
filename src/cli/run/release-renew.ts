import { EngineshedError } from '../../errors/index.js';
import { type Descriptor, formatReference } from '../../oci/index.js';
import {
  type ChannelStep,
  emptyChannel,
  findChannel,
  type PromotionPlan,
  planPromotion,
  promote,
  readSteps,
} from '../../release/index.js';
import type { SigningKey } from '../../trust/index.js';
import type { Host } from '../host.js';
import { withProgress } from '../output.js';
import { findReleaseChannel, type ReleaseDesk, withReleases } from '../release.js';
import { type ChannelSigning, signingWith, stepInputs } from '../release-trust.js';
import type { NetworkFlags } from '../runtime.js';
import { openSigningKey, type SigningFlags } from '../signing-key.js';
import { printPromotion } from './release-promote.js';

/** The flags of `engineshed release renew`. */
interface RenewFlags extends SigningFlags, Pick<NetworkFlags, 'plainHttp'> {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Signs anew that a channel is where it is. */
export async function releaseRenew(this: Host, flags: RenewFlags, channel: string): Promise<void> {
  const key = await openSigningKey(this, flags);
  const plan = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => carryOut(this, flags, desk, { name: channel, key })),
  );
  printPromotion(this, flags, plan);
}

/**
 * Whoever may write to the registry can move the tag: only what was signed before, is not over, and is the latest that was seen here is
 * signed again, for this runs in pipelines where nobody looks.
 */
async function carryOut(
  host: Host,
  flags: RenewFlags,
  desk: ReleaseDesk,
  { name, key }: { readonly name: string; readonly key: SigningKey },
): Promise<PromotionPlan> {
  const { settings, place, targets } = desk;
  const channel = findReleaseChannel(settings, name);
  const at = await findChannel(place, channel.tag);
  if (at === undefined) throw emptyChannel(place, name, channel.tag);
  const signing = await signingWith(host, desk, channel, key);
  const inputs = stepInputs(host, desk, channel);
  const { latest, fault } = await latestStep(desk, inputs, at, signing);
  if (fault !== undefined) {
    const release = formatReference({ ...settings.image, digest: at.digest });
    throw new EngineshedError(
      'CHANNEL_UNPROVEN',
      `The channel ${name} leads to ${at.digest}, and ${fault}: it is not signed again unseen`,
      {
        hint: `If that is the release that it is to lead to: engineshed release promote ${release} ${name} --key FILE`,
        details: { actual: at.digest },
      },
    );
  }
  const plan = await planPromotion(place, {
    ...inputs,
    release: at,
    versionTag: undefined,
    version: latest?.version,
    reason: 'renew',
    signing,
  });
  if (!flags.dryRun) await targets.write(settings.image, 'refuse', (target) => promote(target, plan));
  return plan;
}

/**
 * The latest step by which the channel is where it is, to all who follow it, and what speaks against it, if anything does. A renewal that
 * others have begun is none yet.
 */
async function latestStep(
  { place }: ReleaseDesk,
  { channel, repository, tag, time }: ReturnType<typeof stepInputs>,
  at: Descriptor,
  { key, known, isProofToAll, seen, latest: elsewhere }: ChannelSigning,
): Promise<{ readonly latest?: ChannelStep; readonly fault?: string }> {
  const steps = await readSteps(place, channel, at, [key.public, ...known]);
  const signed = steps.filter(
    (step) => step.signature === 'known' && step.repository === repository && step.tag === tag,
  );
  if (signed.length === 0) return { fault: 'nobody whose key is known here signed that' };
  const latest = signed.find(({ signers }) => isProofToAll(signers));
  if (latest === undefined) return { fault: 'fewer keys signed that than the policies ask for' };
  const highest = Math.max(seen, elsewhere?.step ?? 0);
  if (latest.step < highest)
    return { latest, fault: `step ${highest} is known, and that is step ${latest.step}` };
  if (latest.expires !== undefined && Date.parse(latest.expires) <= Date.parse(time))
    return { latest, fault: `its time was over at ${latest.expires}` };
  return { latest };
}
