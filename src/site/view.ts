import { compareEngines, type EngineComparison } from '../engine/index.js';
import type { Digest } from '../oci/index.js';
import type { ReleaseSite, SiteChannel, SiteRelease } from '../release/index.js';
import { type Address, pageAddress } from './html.js';
import { type SitePaths, sitePaths } from './paths.js';

/** A site with what its pages look up. */
export interface View {
  readonly site: ReleaseSite;
  readonly paths: SitePaths;
  readonly byDigest: ReadonlyMap<Digest, SiteRelease>;
  /** The releases of a channel, the newest first, each once. */
  readonly lines: ReadonlyMap<string, readonly SiteRelease[]>;
}

/** What lies beside a release in a channel. */
export interface Neighbour {
  readonly release: SiteRelease;
  /** The channels in which it does. */
  readonly channels: readonly string[];
}

/** Prepares a site for its pages. */
export function viewOf(site: ReleaseSite): View {
  const byDigest = new Map(site.releases.map((release) => [release.digest, release]));
  const lines = new Map(site.channels.map((channel) => [channel.name, lineOf(channel, byDigest)]));
  return { site, paths: sitePaths(site), byDigest, lines };
}

/** The channels that lead to a release now. */
export function leadingTo({ site }: View, { digest }: SiteRelease): SiteChannel[] {
  return site.channels.filter((channel) => channel.digest === digest);
}

/** The channels that were led to a release, and back from it since. */
export function takenBackFrom(
  { site }: View,
  { digest }: SiteRelease,
): { channel: SiteChannel; time: string }[] {
  return site.channels.flatMap((channel) => {
    const back = channel.steps.find((step) => step.reason === 'rollback' && step.previous?.digest === digest);
    const again = channel.steps.find((step) => step.digest === digest);
    if (back === undefined || (again !== undefined && again.step > back.step)) return [];
    return [{ channel, time: back.time }];
  });
}

/** The releases that came before one, in each channel that it is in. */
export function predecessors(view: View, release: SiteRelease): Neighbour[] {
  return neighbours(view, release, 1);
}

/** The releases that came after one, in each channel that it is in. */
export function successors(view: View, release: SiteRelease): Neighbour[] {
  return neighbours(view, release, -1);
}

/** How a release differs from one before it. */
export function differences(before: SiteRelease, after: SiteRelease): EngineComparison {
  return compareEngines(before.engine, after.engine);
}

function neighbours({ lines }: View, release: SiteRelease, distance: 1 | -1): Neighbour[] {
  const found = new Map<SiteRelease, string[]>();
  for (const [channel, line] of lines) {
    const at = line.indexOf(release);
    const beside = at < 0 ? undefined : line[at + distance];
    if (beside !== undefined) found.set(beside, [...(found.get(beside) ?? []), channel]);
  }
  return [...found].map(([beside, channels]) => ({ release: beside, channels }));
}

/** Addresses of pages, as seen from one of them. */
export function addresses(from: string): (to: string, fragment?: string) => Address {
  const up = from.includes('/') ? '../' : '';
  return (to, fragment) => pageAddress(`${up}${to}${fragment === undefined ? '' : `#${fragment}`}`);
}

/** Versions in their order where a channel has such, else what it led to. */
function lineOf(
  { versions, steps }: SiteChannel,
  byDigest: ReadonlyMap<Digest, SiteRelease>,
): readonly SiteRelease[] {
  const digests = (versions.length > 0 ? versions : steps).map(({ digest }) => digest);
  return [...new Set(digests)].flatMap((digest) => byDigest.get(digest) ?? []);
}
