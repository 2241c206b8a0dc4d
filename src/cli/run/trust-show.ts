import { type Catalogs, imagesOf, policyEngines } from '../../catalog/index.js';
import { isEngineshedError } from '../../errors/index.js';
import type { Reference } from '../../oci/index.js';
import {
  describePolicy,
  placeName,
  policiesFor,
  type ReadPolicy,
  readPolicyKeys,
  repositoryName,
} from '../../trust/index.js';
import type { SeenChannel } from '../../trust/seen.js';
import { openCatalogs } from '../catalogs.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { define } from '../named-engine.js';
import { printJson, printLine, printWarning } from '../output.js';
import { findUncovered, installedHere, printUncovered } from '../uncovered.js';

/** The flags of `engineshed trust show`. */
interface ShowFlags {
  readonly json?: boolean;
}

/** Prints which policies there are, or are for an engine or image, and what was seen of channels. */
export async function showTrust(this: Host, flags: ShowFlags, asked?: string): Promise<void> {
  const catalogs = await openCatalogs(this, undefined);
  const about = asked === undefined ? undefined : describe(this, catalogs, asked);
  const chosen = about === undefined ? catalogs.policies : policiesFor(catalogs.policies, about);
  const policies = await Promise.all(chosen.map(readPolicyKeys));
  const { readAllSeen } = await import('../../store/trust-memory.js');
  const found = readAllSeen(openPaths(this));
  const channels = found.flatMap((one) => (isEngineshedError(one) ? [] : [one]));
  const shown = channels
    .filter(({ place }) => about === undefined || about.places.includes(place))
    .map((seen): ShownChannel => ({ seen, by: policies.filter((policy) => countsFor(seen, policy)) }));
  const uncovered = await findUncovered(this, installedHere(this, asked));
  if (flags.json) {
    printJson(this, { policies: policies.map(policyJson), channels: shown.map(channelJson), uncovered });
  } else {
    if (policies.length === 0)
      printLine(this, asked === undefined ? 'There is no policy.' : `No policy is for ${asked}.`);
    for (const policy of policies) printPolicy(this, policy);
    for (const channel of shown) printChannel(this, channel);
    for (const each of uncovered) printUncovered(this, each);
  }
  for (const fault of found) if (isEngineshedError(fault)) printWarning(this, fault.message);
}

interface ShownChannel {
  readonly seen: SeenChannel;
  /** The policies that it counts for; none where no policy of today has just these keys. */
  readonly by: readonly ReadPolicy[];
}

function countsFor({ proof }: SeenChannel, { id, channel }: ReadPolicy): boolean {
  return channel && proof.policy === id;
}

interface Described {
  readonly engines: readonly string[];
  readonly images: readonly string[];
  readonly places: readonly string[];
}

function describe(host: Host, catalogs: Catalogs, asked: string): Described {
  const { name, sources } = define(host, catalogs, {}, asked);
  const references = Object.values(sources).flatMap((source): Reference[] =>
    source.kind === 'directory' ? [] : [source.reference],
  );
  return {
    engines: references.flatMap((one) => policyEngines(catalogs, name, one)),
    images: [
      ...references.flatMap((one) => (one.transport === 'registry' ? [repositoryName(one)] : [])),
      ...imagesOf(catalogs, name),
    ],
    places: references.map(placeName),
  };
}

function policyJson({ name, file, engines, images, keys, threshold, channel }: ReadPolicy) {
  return {
    name,
    file,
    engines,
    images,
    threshold,
    channel,
    keys: keys.map(({ id, label }) => ({ id, key: label })),
  };
}

function channelJson({ seen, by }: ShownChannel) {
  const { place, tag, channel, step, digest, expires, time, accepted } = seen;
  return {
    policies: by.map(({ name, file }) => ({ name, file })),
    place,
    tag,
    channel,
    step,
    digest,
    expires: expires ?? null,
    time: time ?? null,
    accepted: accepted.map(({ from, ...acceptance }) => ({ ...acceptance, from: from ?? null })),
  };
}

function printPolicy(
  host: Host,
  { name, file, engines, images, keys, threshold, channel }: ReadPolicy,
): void {
  printLine(host, `policy ${name}  (${file})`);
  if (engines.length > 0) printLine(host, `  engines  ${engines.join(', ')}`);
  if (images.length > 0) printLine(host, `  images   ${images.join(', ')}`);
  printLine(
    host,
    `  signed   by ${threshold} of ${keys.length}${channel ? ', and their channels proven' : ''}`,
  );
  for (const { id, label } of keys) printLine(host, `  key      ${label}  ${id}`);
}

function printChannel(host: Host, shown: ShownChannel): void {
  const { seen } = shown;
  printLine(host, `seen ${seen.place}:${seen.tag}  (${seen.channel})`);
  printLine(host, `  for  ${forWhom(shown)}`);
  printLine(
    host,
    `  step ${seen.step}  ${seen.digest}${seen.expires === undefined ? '' : `, until ${seen.expires}`}`,
  );
  for (const { time, by, what, from, to } of seen.accepted) {
    const before = from === undefined ? '' : `, instead of step ${from.step}`;
    printLine(host, `  accepted by ${by} at ${time}: ${what}, step ${to.step}${before}`);
  }
}

function forWhom({ by }: ShownChannel): string {
  return by.length > 0 ? by.map(describePolicy).join(', ') : 'keys that no policy here has';
}
