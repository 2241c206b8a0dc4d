import { EngineshedError } from '../../errors/index.js';
import { formatReference } from '../../oci/index.js';
import {
  type ChannelStep,
  emptyChannel,
  findChannel,
  type PromotionPlan,
  planPromotion,
  promote,
  readChannelHistory,
  rollbackStep,
} from '../../release/index.js';
import type { SigningKey } from '../../trust/index.js';
import type { Host } from '../host.js';
import { withProgress } from '../output.js';
import {
  findRelease,
  findReleaseChannel,
  type ReleaseDesk,
  refuseElsewhere,
  withReleases,
} from '../release.js';
import { givenSigningKey, releaseKeys, signingOf, stepInputs } from '../release-trust.js';
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
  const keys = [...(key === undefined ? [] : [key.public]), ...(await releaseKeys(desk))];
  const history = await readChannelHistory(place, name, at, undefined, keys);
  const to =
    flags.to === undefined ? rollbackStep(name, history) : await stepOf(host, desk, name, flags.to, history);
  const plan = await planPromotion(place, {
    ...stepInputs(host, desk, channel),
    release: await place.resolve(to.digest),
    versionTag: undefined,
    version: to.version,
    reason: 'rollback',
    signing,
  });
  if (!flags.dryRun) await targets.write(settings.image, 'refuse', (target) => promote(target, plan));
  return plan;
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
