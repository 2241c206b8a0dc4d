import type { Descriptor } from '../../oci/index.js';
import { type ChannelStep, emptyChannel, findChannel, readChannelHistory } from '../../release/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { findReleaseChannel, type ReleaseDesk, withReleases } from '../release.js';
import type { NetworkFlags } from '../runtime.js';
import { printTable } from '../table.js';

/** The flags of `engineshed release history`. */
interface HistoryFlags extends NetworkFlags {
  readonly json?: boolean;
}

/** Prints what a channel led to, and when. */
export async function releaseHistory(this: Host, flags: HistoryFlags, channel: string): Promise<void> {
  const { at, steps } = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => read(desk, channel)),
  );
  if (flags.json) {
    printJson(this, {
      channel,
      digest: at.digest,
      steps: steps.map(({ step, digest, version, reason, time }) => ({
        step,
        digest,
        version: version ?? null,
        reason,
        time,
      })),
    });
    return;
  }
  if (steps.length === 0) {
    printLine(this, `${channel} leads to ${at.digest}; how it came there is not recorded.`);
    return;
  }
  printTable(
    this,
    ['STEP', 'WHEN (UTC)', 'WHAT', 'VERSION', 'DIGEST'],
    steps.map(({ step, digest, version, reason, time }) => [
      String(step),
      time.slice(0, 16).replace('T', ' '),
      reason,
      version ?? '',
      digest,
    ]),
  );
}

async function read(
  { settings, place }: ReleaseDesk,
  name: string,
): Promise<{ at: Descriptor; steps: readonly ChannelStep[] }> {
  const channel = findReleaseChannel(settings, name);
  const at = await findChannel(place, channel.tag);
  if (at === undefined) throw emptyChannel(place, name, channel.tag);
  return { at, steps: await readChannelHistory(place, name, at) };
}
