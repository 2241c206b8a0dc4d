import { EngineshedError } from '../../errors/index.js';
import { type Descriptor, formatReference } from '../../oci/index.js';
import {
  type ChannelStep,
  emptyChannel,
  findChannel,
  type PromotionPlan,
  planPromotion,
  promote,
  readChannelHistory,
  readSignedHistory,
  rollbackStep,
} from '../../release/index.js';
import type { SigningKey } from '../../trust/index.js';
import type { Host } from '../host.js';
import { withProgress } from '../output.js';
import { releaseKeys } from '../policies.js';
import {
  findRelease,
  findReleaseChannel,
  type ReleaseDesk,
  refuseElsewhere,
  withReleases,
} from '../release.js';
import { givenSigningKey, requireSignatures, signingOf, stepInputs } from '../release-trust.js';
import type { NetworkFlags } from '../runtime.js';
import type { SigningFlags } from '../signing-key.js';
import { printPromotion } from './release-promote.js';

/** The flags of `engineshed release rollback`. */
interface RollbackFlags extends SigningFlags, Pick<NetworkFlags, 'plainHttp'> {
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Lets a channel lead to what it led to before. */
export async function releaseRollback(this: Host, flags: RollbackFlags, channel: string): Promise<void> {
  const key = await givenSigningKey(this, flags);
  const plan = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => carryOut(this, flags, desk, { name: channel, key })),
  );
  printPromotion(this, flags, plan);
}

async function carryOut(
  host: Host,
  flags: RollbackFlags,
  desk: ReleaseDesk,
  { name, key }: { readonly name: string; readonly key: SigningKey | undefined },
): Promise<PromotionPlan> {
  const { settings, place, targets } = desk;
  const channel = findReleaseChannel(settings, name);
  const at = await findChannel(place, channel.tag);
  if (at === undefined) throw emptyChannel(place, name, channel.tag);
  const signing = await signingOf(host, desk, channel, key);
  const inputs = stepInputs(host, desk, channel);
  const history =
    signing === undefined
      ? await readChannelHistory(place, name, at, undefined, await releaseKeys(desk))
      : await readSignedHistory(place, inputs, at, {
          keys: [signing.key.public, ...signing.known],
          latest: signing.latest,
        });
  if (signing !== undefined && (history[0]?.step ?? 0) < Math.max(1, signing.seen))
    throw unknownHistory(name, at, signing.seen);
  const to =
    flags.to === undefined ? rollbackStep(name, history) : await stepOf(host, desk, name, flags.to, history);
  const release = await findRelease(host, desk, to.digest);
  await requireSignatures(host, desk, release);
  const plan = await planPromotion(place, {
    ...inputs,
    release: release.image.descriptor,
    versionTag: undefined,
    version: to.version,
    reason: 'rollback',
    signing,
  });
  if (!flags.dryRun) await targets.write(settings.image, 'refuse', (target) => promote(target, plan));
  return plan;
}

/** Whoever may write to the registry can record plain steps and move the tag: none of that is signed unseen. */
function unknownHistory(channel: string, { digest }: Descriptor, seen: number): EngineshedError {
  const fault =
    seen === 0
      ? 'nobody whose key is known here signed how it came there'
      : `step ${seen} is known here, and is not found`;
  return new EngineshedError(
    'CHANNEL_UNPROVEN',
    `The channel ${channel} leads to ${digest}, and ${fault}: what it led to before cannot be told`,
    {
      hint: `Promote the release that it is to lead to: engineshed release promote REF ${channel} --key FILE`,
      details: { actual: digest },
    },
  );
}

/** Only where the channel has been: all else is a promotion, which has its own conditions. */
async function stepOf(
  host: Host,
  desk: ReleaseDesk,
  channel: string,
  text: string,
  history: readonly ChannelStep[],
): Promise<ChannelStep> {
  const release = await findRelease(host, desk, text);
  refuseElsewhere(desk, release);
  const step = history.find(({ digest }) => digest === release.image.descriptor.digest);
  if (step !== undefined) return step;
  const reference = formatReference(release.reference);
  throw new EngineshedError('GENERATION_UNKNOWN', `The channel ${channel} never led to ${reference}`, {
    hint: `See "engineshed release history ${channel}", or promote it: engineshed release promote ${reference} ${channel}`,
  });
}
