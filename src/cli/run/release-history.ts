import { basename } from 'node:path';
import type { Descriptor } from '../../oci/index.js';
import {
  emptyChannel,
  findChannel,
  maxHistorySteps,
  type RecordedStep,
  readChannelHistory,
} from '../../release/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { releaseKeys } from '../policies.js';
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
  const before = steps.at(-1)?.previous;
  if (flags.json) {
    printJson(this, {
      channel,
      digest: at.digest,
      complete: steps.length > 0 && before === undefined,
      steps: steps.map(({ step, digest, version, reason, time, expires, signature, signers }) => ({
        step,
        digest,
        version: version ?? null,
        reason,
        time,
        expires: expires ?? null,
        signature,
        signers: signers.map(({ id, label }) => ({ id, key: label })),
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
    ['STEP', 'WHEN (UTC)', 'WHAT', 'VERSION', 'SIGNED', 'DIGEST'],
    steps.map(({ step, digest, version, reason, time, ...signed }) => [
      String(step),
      time.slice(0, 16).replace('T', ' '),
      reason,
      version ?? '',
      describeSignature(signed),
      digest,
    ]),
  );
  if (before !== undefined) printLine(this, describeBefore(before, steps));
}

/** Whoever reads the steps has to know that there were others. */
function describeBefore(
  { step, digest }: NonNullable<RecordedStep['previous']>,
  steps: readonly RecordedStep[],
): string {
  if (steps.length >= maxHistorySteps)
    return `Only the latest ${maxHistorySteps} steps are shown; before them was step ${step}, at ${digest}.`;
  if (step === 0) return `Before that it led to ${digest}, and nothing is recorded of how it came there.`;
  const why = 'its record is gone, or no key that is known here signed it';
  return `Before that was step ${step}, at ${digest}: ${why}.`;
}

/** Only a key that is known says who it was. */
function describeSignature({ signature, signers }: Pick<RecordedStep, 'signature' | 'signers'>): string {
  if (signature === 'known') return signers.map(({ label }) => basename(label)).join(', ');
  return signature === 'unknown' ? 'by an unknown key' : 'no';
}

async function read(
  desk: ReleaseDesk,
  name: string,
): Promise<{ at: Descriptor; steps: readonly RecordedStep[] }> {
  const { settings, place } = desk;
  const channel = findReleaseChannel(settings, name);
  const at = await findChannel(place, channel.tag);
  if (at === undefined) throw emptyChannel(place, name, channel.tag);
  return { at, steps: await readChannelHistory(place, name, at, undefined, await releaseKeys(desk)) };
}
