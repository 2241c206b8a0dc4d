import { findClosure, mapLimited, readManifest, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import { type Descriptor, type Digest, isReferrersTag } from '../oci/index.js';

/** How many tags are looked into at the same time. */
const concurrentTags = 4;

/** A tag that is to go, with what it stood for. */
export interface LeavingTag {
  readonly tag: string;
  readonly digest?: Digest;
}

/**
 * All manifests that tags which stay need: what they stand for, what an index leads to, what refers to any of that, and what a
 * tagged artifact refers to. A tag that is to go and has moved stays.
 * @param leaving tags that are to go, with what they stood for
 * @throws EngineshedError as `Target.tags`, `Target.resolve` and `findClosure` do: what cannot be read cannot be known to need
 * nothing
 */
export async function neededManifests(
  target: Target,
  leaving: readonly LeavingTag[],
): Promise<ReadonlySet<Digest>> {
  const needed = new Set<Digest>();
  const looked = new Set<Digest>();
  await eachStaying(target, leaving, async (root, tag) => {
    needed.add(root.digest);
    // The list of an image's referrers is no reason to keep the image.
    if (!isReferrersTag(tag)) await addSubject(target, root, needed);
    if (looked.has(root.digest)) return;
    looked.add(root.digest);
    const { levels, referrers } = await findClosure(target, root, 'bring');
    for (const { digest } of [...levels.flat(), ...referrers]) needed.add(digest);
  });
  return needed;
}

/** Looks at what the tags that stay stand for, again and again while others go. */
export interface StandingWatch {
  /**
   * What they stand for: a build of the same content, which is the same image, may have tagged what is to go.
   * @param deletions how many manifests were deleted since the last look
   * @throws EngineshedError as `Target.tags` and `Target.resolve` do
   */
  look(deletions: number): Promise<ReadonlySet<Digest>>;
}

/** For each deletion so many tags may be looked at again. */
const looksPerDeletion = 8;
/** So many tags without a digit, such as `edge` and `latest`, are asked for at each look: they move most, and are few. */
const movingTags = 40;

/**
 * Watches the tags that stay. Each look lists the tags, and asks for those that are new, and for those that move most. All others may have moved, too:
 * they are asked for again when as many manifests went as pay for it. So there are about ten requests for a deletion, however many tags
 * stay, and a tag is not looked at for about twice the time that asking for all of them takes.
 * @param leaving as of {@link neededManifests}
 */
export function watchStanding(target: Target, leaving: readonly LeavingTag[]): StandingWatch {
  const goes = new Map(leaving.map(({ tag, digest }) => [tag, digest]));
  let known = new Map<string, Digest>();
  let unpaid = 0;
  return {
    async look(deletions) {
      const tags = await listTags(target);
      unpaid += deletions * looksPerDeletion;
      const before: ReadonlyMap<string, Digest> = unpaid < known.size ? known : new Map();
      if (before.size === 0) unpaid = 0;
      const moving = new Set(tags.filter((tag) => !/\d/.test(tag)).slice(0, movingTags));
      const found = await mapLimited(tags, concurrentTags, async (tag) => {
        const digest = moving.has(tag) ? undefined : before.get(tag);
        return { tag, digest: digest ?? (await resolve(target, tag))?.digest };
      });
      known = new Map(found.flatMap(({ tag, digest }) => (digest === undefined ? [] : [[tag, digest]])));
      return new Set([...known].flatMap(([tag, digest]) => (goes.get(tag) === digest ? [] : [digest])));
    },
  };
}

/** Does something for each tag that stays, several at a time. */
async function eachStaying(
  target: Target,
  leaving: readonly LeavingTag[],
  work: (root: Descriptor, tag: string) => Promise<void>,
): Promise<void> {
  const goes = new Map(leaving.map(({ tag, digest }) => [tag, digest]));
  await mapLimited(await listTags(target), concurrentTags, async (tag) => {
    const root = await resolve(target, tag);
    if (root !== undefined && root.digest !== goes.get(tag)) await work(root, tag);
  });
}

async function listTags(target: Target): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of target.tags()) tags.push(tag);
  return tags;
}

async function resolve(target: Target, tag: string): Promise<Descriptor | undefined> {
  try {
    return await target.resolve(tag);
  } catch (error) {
    // It went meanwhile.
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function addSubject(target: Target, root: Descriptor, needed: Set<Digest>): Promise<void> {
  const { parsed } = await readManifest(target, root);
  const { subject } = parsed.kind === 'index' ? parsed.index : parsed.manifest;
  if (subject !== undefined) needed.add(subject.digest);
}
