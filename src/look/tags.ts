import { createdOf, mapLimited, type Reporter, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import type { WantedPlatform } from '../oci/index.js';
import { sortByVersion } from './versions.js';

/** How many tags are asked for their date at the same time. */
const concurrentDates = 8;

/**
 * How tags are ordered: `none` as their place gives them, by name, by version with the newest first, by the date of the image
 * with the newest first. Tags that are no version, or have no date, come last.
 */
export type TagOrder = 'none' | 'name' | 'version' | 'date';

/** What to list. */
export interface TagOptions {
  readonly order: TagOrder;
  /** Which tags are wanted. */
  readonly wanted: (tag: string) => boolean;
  /** The most that are given. */
  readonly limit?: number | undefined;
  /** Whose date counts for an index that tells none. */
  readonly platform: WantedPlatform;
  readonly report: Reporter;
}

/** A tag, with what its order needed to know. */
export interface ListedTag {
  readonly tag: string;
  readonly digest?: string;
  /** RFC 3339, as the image tells it. */
  readonly created?: string | undefined;
}

/**
 * Lists tags. Without an order they come while the pages of a registry do; with one, when all are known. Dates cost up to
 * three requests for each tag, and one for a tag of an image that another tag named before.
 * @throws EngineshedError as `TagResolver.tags` does and, with dates, `TagResolver.resolve` and `ContentStore.fetch`
 */
export async function* listTags(
  target: Target,
  options: TagOptions,
): AsyncGenerator<ListedTag, void, undefined> {
  const { order, wanted, limit = Number.POSITIVE_INFINITY } = options;
  if (order === 'none') {
    let left = limit;
    for await (const tag of target.tags()) {
      if (!wanted(tag)) continue;
      yield { tag };
      // Before the next one, which may be the first of a page.
      if (--left <= 0) return;
    }
    return;
  }
  const tags: string[] = [];
  for await (const tag of target.tags()) if (wanted(tag)) tags.push(tag);
  yield* (await ordered(target, tags, options)).slice(0, limit);
}

async function ordered(target: Target, tags: readonly string[], options: TagOptions): Promise<ListedTag[]> {
  const byName = [...tags].sort();
  if (options.order === 'version') return sortByVersion(byName).map((tag) => ({ tag }));
  if (options.order !== 'date') return byName.map((tag) => ({ tag }));
  const dated = await withDates(target, byName, options);
  const time = ({ created = '' }: ListedTag) => {
    const parsed = Date.parse(created);
    return Number.isNaN(parsed) ? Number.NEGATIVE_INFINITY : parsed;
  };
  // Sorting is stable: those of one time stay in the order of their names.
  return dated
    .map((entry) => ({ entry, at: time(entry) }))
    .sort((a, b) => (a.at === b.at ? 0 : b.at - a.at))
    .map(({ entry }) => entry);
}

async function withDates(
  target: Target,
  tags: readonly string[],
  { platform, report }: TagOptions,
): Promise<ListedTag[]> {
  const known = new Map<string, Promise<string | undefined>>();
  let done = 0;
  return mapLimited(tags, concurrentDates, async (tag) => {
    try {
      const descriptor = await target.resolve(tag);
      const created = known.get(descriptor.digest) ?? createdOf(target, descriptor, platform);
      known.set(descriptor.digest, created);
      return { tag, digest: descriptor.digest, created: await created };
    } catch (error) {
      // One damaged image among many is no reason to tell nothing of the others.
      if (!isEngineshedError(error) || (error.kind !== 'data' && error.kind !== 'notFound')) throw error;
      report({ type: 'warning', message: `the date of ${tag} is not known: ${error.message}` });
      return { tag };
    } finally {
      report({ type: 'count', what: 'dates of tags', done: ++done, total: tags.length });
    }
  });
}
