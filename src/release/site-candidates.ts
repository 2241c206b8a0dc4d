import { mapLimited, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { findChannel } from './channel.js';
import type { SiteVersion } from './site-types.js';

/** How many requests are on their way at the same time. */
export const concurrentReads = 8;

/** A channel whose releases are looked for. */
export interface ChannelInputs {
  readonly name: string;
  readonly tag: string;
  /** What the tags of its versions look like; undefined where it has none. */
  readonly pattern: string | undefined;
  /** Its tags that never move, the newest first. */
  readonly versions: readonly string[];
}

/** Where channels lead, and which images their versions are. */
export interface Candidates {
  /** In the order of the channels; undefined where one leads nowhere. */
  readonly heads: readonly (Descriptor | undefined)[];
  /** In the order of the channels, the newest first. */
  readonly versions: readonly (readonly SiteVersion[])[];
  /** Every image, each once. */
  readonly images: ReadonlyMap<Digest, Descriptor>;
  /** How many versions were not looked at. */
  readonly omitted: number;
}

/**
 * Looks up what channels lead to and what their versions are: of many the newest of every channel.
 * @param limit how many versions at most
 * @throws EngineshedError as `Target.resolve` does
 */
export async function findCandidates(
  target: Target,
  channels: readonly ChannelInputs[],
  limit: number,
): Promise<Candidates> {
  const heads = await mapLimited(channels, concurrentReads, ({ tag }) => findChannel(target, tag));
  const all = byTurns(channels.map(({ versions }) => versions));
  const taken = all.slice(0, limit);
  // A tag may have gone since the list was made.
  const found = await mapLimited(taken, concurrentReads, ({ tag }) => findChannel(target, tag));
  const images = new Map<Digest, Descriptor>();
  const versions: SiteVersion[][] = channels.map(() => []);
  for (const head of heads) if (head !== undefined) images.set(head.digest, head);
  for (const [at, descriptor] of found.entries()) {
    const { tag = '', list = 0 } = taken[at] ?? {};
    if (descriptor === undefined) continue;
    images.set(descriptor.digest, descriptor);
    versions[list]?.push({ tag, digest: descriptor.digest });
  }
  return { heads, versions, images, omitted: all.length - taken.length };
}

/**
 * The image that a digest stands for; undefined where it is gone.
 * @throws EngineshedError as `Target.resolve` does
 */
export async function findImage(target: Target, digest: Digest): Promise<Descriptor | undefined> {
  try {
    return await target.resolve(digest);
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND', 'CONTENT_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The first of every list, then the second of every list, and so on: no list keeps the others out. */
function byTurns(lists: readonly (readonly string[])[]): { readonly tag: string; readonly list: number }[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => at).flatMap((at) =>
    lists.flatMap((tags, list) => {
      const tag = tags[at];
      return tag === undefined ? [] : [{ tag, list }];
    }),
  );
}
