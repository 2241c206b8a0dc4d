import { mapLimited, type Reporter, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import { type Descriptor, type Digest, digestHex, parseTime } from '../oci/index.js';
import type { TrustedKey } from '../trust/index.js';
import { readChannelHistory } from './channel.js';
import { keptReads } from './kept-reads.js';
import {
  type Candidates,
  type ChannelInputs,
  concurrentReads,
  findCandidates,
  findImage,
} from './site-candidates.js';
import { type ReadRelease, readSiteRelease, type SiteCriteria, siteKeys } from './site-read.js';
import type { ReleaseSite, SiteChannel, SiteRelease, SiteStep, UnreadableRelease } from './site-types.js';

/** What to tell about, and how much of it. */
export interface SiteInputs extends SiteCriteria {
  readonly engine: string;
  /** Where the releases are, without a tag, as users write it. */
  readonly place: string;
  readonly channels: readonly ChannelInputs[];
  /** The most releases. */
  readonly limit: number;
  readonly report: Reporter;
}

/** The most entries of engines (components, parts, variables, commands) that are held at the same time. */
const maxEntries = 1_000_000;

/**
 * Collects all that is known of the releases of an engine: what its channels lead to and led to, and all versions. The same state
 * of the place gives the same data.
 * @throws EngineshedError as `Target.resolve`, `Target.fetch` and `Target.referrers` do, where one cannot be reached
 */
export async function collectSite(place: Target, inputs: SiteInputs): Promise<ReleaseSite> {
  const { channels, limit, keys } = inputs;
  const target = keptReads(place);
  const candidates = await findCandidates(target, channels, limit);
  const read = new Map<Digest, ReadRelease | { readonly fault: string }>();
  await readAllOf(target, inputs, [...candidates.images.values()], read);
  const histories = await mapLimited(channels, concurrentReads, async ({ name }, at) => {
    const head = candidates.heads[at];
    return head === undefined ? [] : stepsOf(target, name, head, keys);
  });
  const past = await findPast(target, histories, candidates.images);
  const taken = past.slice(0, Math.max(0, limit - candidates.images.size));
  await readAllOf(target, inputs, taken, read);
  // A version that was not looked at may be one that the history has, too.
  const omitted = Math.max(candidates.omitted, past.length - taken.length);
  return arrange(inputs, candidates, histories, read, omitted);
}

/** Reads releases side by side, with their steps, so that following a history needs no further request. */
async function readAllOf(
  target: Target,
  inputs: SiteInputs,
  images: readonly Descriptor[],
  read: Map<Digest, ReadRelease | { readonly fault: string }>,
): Promise<void> {
  const { channels, keys, report } = inputs;
  let [done, entries] = [0, 0];
  await mapLimited(images, concurrentReads, async (image) => {
    const release = entries > maxEntries ? { fault: tooMuch } : await readSiteRelease(target, image, inputs);
    if (!('fault' in release)) {
      entries += entriesOf(release);
      for (const { name } of channels) await stepsOf(target, name, image, keys, 1);
    }
    read.set(image.digest, release);
    report({ type: 'count', what: 'releases', done: ++done, total: images.length });
  });
}

/** The steps of a channel; undefined where more is attached than anybody reads. */
async function stepsOf(
  target: Target,
  channel: string,
  at: Descriptor,
  keys: readonly TrustedKey[],
  limit?: number,
): Promise<SiteStep[] | undefined> {
  try {
    const steps = await readChannelHistory(target, channel, at, limit, keys);
    return steps.map((step) => ({ ...step, signers: siteKeys(step.signers) }));
  } catch (error) {
    if (isEngineshedError(error, 'RESPONSE_INVALID')) return undefined;
    throw error;
  }
}

const tooMuch = 'It is left out, because the releases before it have more components than can be shown';

function entriesOf({ engine }: ReadRelease): number {
  const { sources, parts, environment, commands = [] } = engine;
  return Object.keys(sources).length + parts.length + environment.length + commands.length;
}

/** The releases that channels once led to and that no tag leads to any more, where they are still there. */
async function findPast(
  target: Target,
  histories: readonly (readonly SiteStep[] | undefined)[],
  known: ReadonlyMap<Digest, Descriptor>,
): Promise<Descriptor[]> {
  const digests = [...new Set(histories.flatMap((steps) => (steps ?? []).map(({ digest }) => digest)))];
  const unknown = digests.filter((digest) => !known.has(digest));
  const found = await mapLimited(unknown, concurrentReads, (digest) => findImage(target, digest));
  return found.filter((image) => image !== undefined);
}

function arrange(
  { engine, place, channels, keys }: SiteInputs,
  { heads, versions }: Candidates,
  histories: readonly (readonly SiteStep[] | undefined)[],
  read: ReadonlyMap<Digest, ReadRelease | { readonly fault: string }>,
  omitted: number,
): ReleaseSite {
  const siteChannels = channels.map(({ name, tag, pattern }, at): SiteChannel => {
    const history = histories[at];
    const steps = history ?? [];
    return {
      name,
      tag,
      pattern,
      digest: heads[at]?.digest,
      steps,
      complete: history !== undefined && steps.at(-1)?.previous === undefined,
      versions: versions[at] ?? [],
    };
  });
  const releases: SiteRelease[] = [];
  const unreadable: UnreadableRelease[] = [];
  for (const [digest, release] of read) {
    const names = siteChannels.flatMap(({ name: channel, versions }) =>
      versions.filter((version) => version.digest === digest).map(({ tag }) => ({ channel, tag })),
    );
    if ('fault' in release) {
      const moving = siteChannels.filter((channel) => channel.digest === digest).map(({ tag }) => tag);
      unreadable.push({ digest, tags: [...moving, ...names.map(({ tag }) => tag)], fault: release.fault });
      continue;
    }
    const { created, ...rest } = release;
    const title = titleOf(digest, names, siteChannels);
    releases.push({ digest, title, names, time: firstStep(digest, siteChannels) ?? created, ...rest });
  }
  releases.sort(newestFirst);
  unreadable.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const description = releases[0]?.engine.description ?? '';
  const known = siteKeys(keys);
  return { engine, description, place, keys: known, channels: siteChannels, releases, unreadable, omitted };
}

/** A version says more than the tag of a night, which says more than a digest. */
function titleOf(digest: Digest, names: SiteRelease['names'], channels: readonly SiteChannel[]): string {
  const isVersion = ({ channel }: { readonly channel: string }) =>
    channels.find(({ name }) => name === channel)?.pattern?.includes('{version}') === true;
  const named = names.find(isVersion) ?? names[0];
  return named?.tag ?? digestHex(digest).slice(0, 12);
}

function firstStep(digest: Digest, channels: readonly SiteChannel[]): string | undefined {
  const times = channels.flatMap(({ steps }) =>
    steps.filter((step) => step.digest === digest).map(({ time }) => time),
  );
  return times.sort((a, b) => timeOf(a) - timeOf(b))[0];
}

function newestFirst(a: SiteRelease, b: SiteRelease): number {
  return timeOf(b.time) - timeOf(a.time) || (a.digest < b.digest ? -1 : 1);
}

/** What is no time is before all times. */
function timeOf(text: string | undefined): number {
  return parseTime(text ?? '') ?? 0;
}
