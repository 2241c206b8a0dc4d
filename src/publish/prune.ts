import { createdOf, mapLimited, type Reporter, type Target } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  branchTag,
  type Descriptor,
  type Digest,
  isIndexType,
  pullRequestTag,
  taggedFeature,
  type WantedPlatform,
} from '../oci/index.js';
import { neededManifests, watchStanding } from './needed.js';

/** How many tags are asked for at the same time. */
const concurrentTags = 8;
/** How many manifests are deleted before the tags that stay are looked at again. */
const deletionsPerLook = 20;

/** Which tags of branches and pull requests go. */
export interface PruneRules {
  /** The branches that there are: tags of all others go. Undefined says nothing about branches. */
  readonly branches?: readonly string[] | undefined;
  /** The pull requests that are open: tags of all others go. Undefined says nothing about pull requests. */
  readonly pullRequests?: readonly number[] | undefined;
  /** Only tags of images that were made before this time go, in milliseconds since the epoch. */
  readonly before?: number | undefined;
}

/** Why a tag stays. */
export type KeptBecause =
  /** Its branch is there, or its pull request open. */
  | 'alive'
  | 'young'
  /** The image does not tell when it was made. */
  | 'undated'
  /** The rules say nothing about its kind. */
  | 'not asked'
  /** It stands for another image now than when that was looked at. */
  | 'moved'
  /** It could only go with a manifest that something else needs. */
  | 'needed';

/** A tag of a branch or pull request. */
export interface FeatureTag {
  readonly tag: string;
  /** What it stands for; left out where that was not looked at. */
  readonly digest?: Digest;
  /** When the image was made, as it tells; left out where that was not looked at, or it does not tell. */
  readonly created?: string;
}

/** A tag that stays. */
export interface KeptTag extends FeatureTag {
  readonly because: KeptBecause;
}

/** What pruning does, or did. Plain data; `--dry-run` prints it. */
export interface Pruning {
  /** In the order of their names. */
  readonly removed: readonly FeatureTag[];
  readonly kept: readonly KeptTag[];
}

/** What pruning works with. */
export interface PruneOptions {
  /** Whose time counts for an index that tells none. */
  readonly platform: WantedPlatform;
  readonly report: Reporter;
}

/**
 * Finds the tags of branches and pull requests that the rules let go: with a list of what is alive, those that are not in it;
 * with a time, those of earlier images; with both, those that are both. No other tag is looked at. Removes nothing.
 * @param target that writes go to; see `Target.written`
 * @throws EngineshedError as `Target.tags` and `Target.resolve` do
 */
export async function planPrune(target: Target, rules: PruneRules, options: PruneOptions): Promise<Pruning> {
  const tags: string[] = [];
  for await (const tag of target.tags()) if (taggedFeature(tag) !== undefined) tags.push(tag);
  const alive = new Set([
    ...(rules.branches ?? []).map(branchTag),
    ...(rules.pullRequests ?? []).map(pullRequestTag),
  ]);
  const removed: FeatureTag[] = [];
  const kept: KeptTag[] = [];
  await mapLimited(tags, concurrentTags, async (tag) => {
    const found = await judge(target, tag, alive, rules, options);
    if (found === undefined) return;
    if ('because' in found) kept.push(found);
    else removed.push(found);
  });
  return sorted({ removed, kept });
}

async function judge(
  target: Target,
  tag: string,
  alive: ReadonlySet<string>,
  { branches, pullRequests, before }: PruneRules,
  { platform, report }: PruneOptions,
): Promise<FeatureTag | KeptTag | undefined> {
  const listed = taggedFeature(tag)?.kind === 'branch' ? branches : pullRequests;
  if (listed === undefined && before === undefined) return { tag, because: 'not asked' };
  if (alive.has(tag)) return { tag, because: 'alive' };
  const descriptor = await unlessGone(target.resolve(tag));
  if (descriptor === undefined) return undefined;
  const found = { tag, digest: descriptor.digest };
  if (before === undefined) return found;
  const created = await createdOf(target, descriptor, platform).catch((error) => {
    // One damaged image is no reason to leave all others where they are.
    if (!isEngineshedError(error) || (error.kind !== 'data' && error.kind !== 'notFound')) throw error;
    report({ type: 'warning', message: `the date of ${tag} is not known: ${error.message}` });
    return undefined;
  });
  const time = Date.parse(created ?? '');
  if (created === undefined || Number.isNaN(time)) return { ...found, because: 'undated' };
  return { ...found, created, ...(time < before ? {} : { because: 'young' as const }) };
}

/**
 * Removes tags, and nothing else where the place can do that. Where a tag can only go with its manifest, that is deleted when no
 * other tag stands for it and no index, no referrer and no artifact that stays needs it; else the tag stays. A tag that has moved since the
 * plan was made stays.
 * @returns what was done
 * @throws EngineshedError `DELETION_REFUSED` where the place removes nothing, and as requests do; what was removed until then
 * is gone
 */
export async function prune(target: Target, plan: Pruning, report: Reporter): Promise<Pruning> {
  const { remover } = target;
  if (remover === undefined)
    throw new EngineshedError('DELETION_REFUSED', `Nothing can be removed from ${target.label}`);
  const removed: FeatureTag[] = [];
  const kept: KeptTag[] = [...plan.kept];
  const together: FeatureTag[] = [];
  const count = () =>
    report({ type: 'count', what: 'tags', done: removed.length, total: plan.removed.length });
  for (const entry of plan.removed) {
    const standing = await standsFor(target, entry.tag);
    if (standing !== undefined && standing !== entry.digest) kept.push({ ...entry, because: 'moved' });
    else if (standing === undefined || (together.length === 0 && (await remover.untag(entry.tag))))
      removed.push(entry);
    else together.push(entry);
    count();
  }
  if (together.length === 0) return sorted({ removed, kept });
  const needed = await neededManifests(target, together);
  const manifests = await manifestsOf(target, together);
  const watch = watchStanding(target, together);
  let standing: ReadonlySet<Digest> = new Set();
  for (const [at, { descriptor, entries }] of manifests.entries()) {
    if (at % deletionsPerLook === 0) standing = await watch.look(at === 0 ? 0 : deletionsPerLook);
    const { digest } = descriptor;
    const because: KeptBecause | undefined =
      needed.has(digest) || standing.has(digest)
        ? 'needed'
        : (await haveMoved(target, entries))
          ? 'moved'
          : undefined;
    if (because !== undefined) kept.push(...entries.map((entry) => ({ ...entry, because })));
    else {
      await remover.deleteManifest(descriptor);
      removed.push(...entries);
    }
    count();
  }
  return sorted({ removed, kept });
}

/** The digest that a tag stands for now; undefined where there is no such tag. */
async function standsFor(target: Target, tag: string): Promise<Digest | undefined> {
  return (await unlessGone(target.resolve(tag)))?.digest;
}

async function haveMoved(target: Target, entries: readonly FeatureTag[]): Promise<boolean> {
  const now = await mapLimited(entries, concurrentTags, ({ tag }) => standsFor(target, tag));
  return now.some((digest, at) => digest !== entries[at]?.digest);
}

interface TaggedManifest {
  readonly descriptor: Descriptor;
  /** All tags of it that are to go. */
  readonly entries: readonly FeatureTag[];
}

/** The manifests of tags; indexes first, so that none is ever there without what it leads to. */
async function manifestsOf(target: Target, tags: readonly FeatureTag[]): Promise<TaggedManifest[]> {
  const digests = [...new Set(tags.map(({ digest }) => digest).filter((digest) => digest !== undefined))];
  const found = await mapLimited(digests, concurrentTags, async (digest) => ({
    descriptor: await target.resolve(digest),
    entries: tags.filter((entry) => entry.digest === digest),
  }));
  const isIndex = ({ descriptor }: TaggedManifest) => isIndexType(descriptor.mediaType);
  return [...found.filter(isIndex), ...found.filter((manifest) => !isIndex(manifest))];
}

function sorted({ removed, kept }: Pruning): Pruning {
  const byName = (a: FeatureTag, b: FeatureTag) => (a.tag < b.tag ? -1 : 1);
  return { removed: [...removed].sort(byName), kept: [...kept].sort(byName) };
}

async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
}
