import { isEngineshedError } from '../../errors/index.js';
import { storePaths } from '../../store/index.js';
import { checkSeen, readAllSeen } from '../../store/trust-memory.js';
import { describePolicy, type ReadPolicy, readPolicyKeys, type TrustPolicy } from '../../trust/index.js';
import { isAccepted, type SeenChannel } from '../../trust/seen.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { storeRoot } from '../places.js';
import { count } from '../text.js';
import { type Check, type Finding, findingOf } from './check.js';

const name = 'trust';
/** A channel that ends within this time, in milliseconds, is told: three days. */
const soonMs = 3 * 24 * 60 * 60 * 1000;
/** Clocks may differ by this, in milliseconds: an hour. */
const clockMs = 60 * 60 * 1000;

/** Looks at the policies, their keys, and what was seen of channels. Asks no registry: what is there now is not known. */
export async function checkTrust(host: Host): Promise<Check> {
  const findings: Finding[] = [];
  let all: readonly TrustPolicy[];
  try {
    all = (await openCatalogs(host, undefined)).policies;
  } catch {
    // The check of the configuration tells why.
    return { name, summary: 'unknown', findings };
  }
  const policies = (await Promise.all(all.map((policy) => readOrTell(policy, findings)))).flat();
  let channels: readonly SeenChannel[];
  try {
    channels = seenHere(host, policies, findings);
  } catch (error) {
    findings.push(findingOf('What was seen of channels cannot be read', error, ''));
    channels = [];
  }
  for (const seen of channels) findings.push(...endOf(seen, host.now()));
  findings.push(...clockBehind(channels, host.now()));
  const summary =
    all.length === 0
      ? 'no policy'
      : `${count(all.length, 'policy', 'policies')}, ${count(channels.length, 'channel')} seen`;
  return { name, summary, findings };
}

async function readOrTell(policy: TrustPolicy, findings: Finding[]): Promise<ReadPolicy[]> {
  try {
    return [await readPolicyKeys(policy)];
  } catch (error) {
    const issue = `Nothing that ${describePolicy(policy)} is for can be installed`;
    findings.push(findingOf(issue, error, `Put the key there, or correct ${policy.file}.`));
    return [];
  }
}

/**
 * What counts for the policies here; what is damaged is told.
 * @throws EngineshedError `FILE_PERMISSION`, `IO_FAILED`
 */
function seenHere(host: Host, policies: readonly ReadPolicy[], findings: Finding[]): SeenChannel[] {
  const paths = storePaths(storeRoot(host));
  const damaged = checkSeen(paths).flatMap(({ faults }) => faults);
  for (const { path } of damaged)
    findings.push({
      severity: 'problem',
      issue: 'A channel that a policy asks proof of may be refused, for nobody can tell whether it went back',
      cause: `The record ${paths.root}/${path} of what was seen of it is damaged`,
      remedy:
        'Look where the channel leads, and accept that, in the project whose policy it is for: engineshed trust accept ENGINE. Where that project is gone, remove the file.',
    });
  const asking = new Set(policies.flatMap(({ id, channel }) => (channel ? [id] : [])));
  return readAllSeen(paths).flatMap((seen) =>
    isEngineshedError(seen) || !asking.has(seen.proof.policy) ? [] : [seen],
  );
}

function endOf(seen: SeenChannel, now: Date): Finding[] {
  const { channel, place, tag, step, expires } = seen;
  if (expires === undefined) return [];
  const leftMs = Date.parse(expires) - now.getTime();
  if (leftMs > soonMs || isAccepted(seen)) return [];
  const verb = leftMs > 0 ? 'will soon be' : 'is';
  return [
    {
      severity: 'warning',
      issue: `The channel ${channel} (${place}:${tag}) ${verb} refused as too old, where there is nothing newer`,
      cause: `Step ${step}, the last that was seen here, counts until ${expires}`,
      remedy: `See whether there is something newer: engineshed update. If not, its publisher has to run: engineshed release renew ${channel} --key FILE`,
    },
  ];
}

/** One is told, the farthest: all are for one reason. */
function clockBehind(channels: readonly SeenChannel[], now: Date): Finding[] {
  const times = channels.flatMap(({ time }) => (time === undefined ? [] : [time]));
  const [latest] = times.sort((a, b) => Date.parse(b) - Date.parse(a));
  if (latest === undefined || Date.parse(latest) - now.getTime() <= clockMs) return [];
  return [
    {
      severity: 'warning',
      issue: 'Channels are judged by a later time than that of this machine, and may be refused as too old',
      cause: `The clock shows ${now.toISOString()}, and when a channel was last looked at it was ${latest}`,
      remedy:
        'Set the clock right. If it is right, it was far ahead once: what comes next in the channel counts again.',
    },
  ];
}
