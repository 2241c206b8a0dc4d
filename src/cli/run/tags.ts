import { globTest, type ListedTag, listTags, type TagOrder } from '../../look/index.js';
import { formatReference, isReferrersTag, nodePlatform } from '../../oci/index.js';
import type { Host } from '../host.js';
import { withRepository } from '../images.js';
import { printJson, printLines } from '../output.js';
import type { NetworkFlags } from '../runtime.js';

/** The flags of `engineshed tags`. */
interface TagsFlags extends NetworkFlags {
  readonly sort: TagOrder;
  readonly filter?: string;
  readonly limit?: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** How many tags are printed at once. */
const tagsAtOnce = 500;

/** Lists the tags of a repository. */
export async function tags(this: Host, flags: TagsFlags, text: string): Promise<void> {
  const fits = flags.filter === undefined ? () => true : globTest(flags.filter);
  await withRepository(this, flags, text, async ({ reference, target, report }) => {
    const found = listTags(target, {
      order: flags.sort,
      wanted: (tag) => fits(tag) && (flags.all === true || !isReferrersTag(tag)),
      limit: flags.limit,
      platform: nodePlatform(this.platform, this.architecture),
      report,
    });
    if (flags.json) printJson(this, { repository: formatReference(reference), tags: await all(found) });
    else await print(this, found);
  });
}

async function all(found: AsyncIterable<ListedTag>): Promise<ListedTag[]> {
  const tags: ListedTag[] = [];
  for await (const tag of found) tags.push(tag);
  return tags;
}

async function print(host: Host, found: AsyncIterable<ListedTag>): Promise<void> {
  let lines: string[] = [];
  for await (const { tag } of found) {
    lines.push(tag);
    if (lines.length < tagsAtOnce) continue;
    printLines(host, lines);
    lines = [];
  }
  printLines(host, lines);
}
