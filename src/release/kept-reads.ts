import { readAll, streamOf, type Target } from '../content/index.js';
import { isEngineshedError } from '../errors/index.js';
import { type Descriptor, type Digest, referrerFilter } from '../oci/index.js';

/** The most bytes that all content that is kept may have together: 64 MiB. */
const maxKeptBytes = 64 * 1024 * 1024;
/** Content of more bytes is not kept. */
const maxContentBytes = 256 * 1024;
/** The most entries that all lists that are kept may have together. */
const maxKeptReferrers = 200_000;

/**
 * A place of images that is asked once for each digest, small content and list of referrers, as long as that fits into a bounded
 * memory. Names that can move are asked anew.
 */
export function keptReads(target: Target): Target {
  const content = new Map<Digest, Uint8Array>();
  const resolved = new Map<string, Descriptor>();
  const lists = new Map<Digest, Promise<readonly Descriptor[] | undefined>>();
  let keptBytes = 0;
  let keptReferrers = 0;
  /** All that refers to a subject, asked for once; undefined where that is more than anybody reads, and a type has to be chosen. */
  const listOf = (subject: Descriptor): Promise<readonly Descriptor[] | undefined> => {
    const known = lists.get(subject.digest);
    if (known !== undefined) return known;
    const list = readList(subject);
    lists.set(subject.digest, list);
    return list;
  };
  const readList = async (subject: Descriptor): Promise<readonly Descriptor[] | undefined> => {
    const list: Descriptor[] = [];
    try {
      for await (const referrer of target.referrers(subject)) list.push(referrer);
    } catch (error) {
      lists.delete(subject.digest);
      if (isEngineshedError(error, 'RESPONSE_INVALID')) return undefined;
      throw error;
    }
    keptReferrers += list.length;
    if (keptReferrers > maxKeptReferrers) lists.delete(subject.digest);
    return list;
  };
  return {
    label: target.label,
    repository: target.repository,
    async fetch(descriptor, options) {
      const { digest, size } = descriptor;
      const known = content.get(digest);
      if (known !== undefined && known.byteLength === size) return streamOf(known);
      if (size > maxContentBytes || keptBytes + size > maxKeptBytes) return target.fetch(descriptor, options);
      const bytes = await readAll(await target.fetch(descriptor, options), descriptor, maxContentBytes);
      keptBytes += content.has(digest) ? 0 : size;
      content.set(digest, bytes);
      return streamOf(bytes);
    },
    exists: (descriptor) => target.exists(descriptor),
    push: (descriptor, open, options) => target.push(descriptor, open, options),
    async resolve(tagOrDigest) {
      const known = resolved.get(tagOrDigest);
      if (known !== undefined) return known;
      const found = await target.resolve(tagOrDigest);
      resolved.set(found.digest, found);
      return found;
    },
    tag: (descriptor, tag) => target.tag(descriptor, tag),
    tags: (options) => target.tags(options),
    async *referrers(subject, artifactType) {
      const list = await listOf(subject);
      yield* list === undefined
        ? target.referrers(subject, artifactType)
        : referrerFilter(artifactType)(list);
    },
  };
}
