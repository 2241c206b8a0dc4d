import { EngineshedError } from '../../errors/index.js';
import { formatReference, nodePlatform } from '../../oci/index.js';
import { type Pruning, planPrune, prune as removeTags } from '../../publish/index.js';
import type { Host } from '../host.js';
import { withRepository } from '../images.js';
import { parseBranches, parsePullRequests, readLines } from '../living.js';
import { printJson, printLine } from '../output.js';

/** The flags of `engineshed prune`. */
interface PruneFlags {
  readonly keepBranches?: string;
  readonly keepPullRequests?: string;
  readonly olderThan?: number;
  readonly dryRun?: boolean;
  readonly plainHttp?: readonly string[];
  readonly json?: boolean;
}

/** Removes the tags of branches and pull requests that are done. */
export async function prune(this: Host, flags: PruneFlags, text: string): Promise<void> {
  const { keepBranches, keepPullRequests, olderThan } = flags;
  if (keepBranches === undefined && keepPullRequests === undefined && olderThan === undefined) {
    throw new EngineshedError('USAGE', 'Nothing says which branches and pull requests are done', {
      hint: 'Add --keep-branches FILE, --keep-pull-requests FILE or --older-than 30d.',
    });
  }
  if (keepBranches === '-' && keepPullRequests === '-')
    throw new EngineshedError(
      'USAGE',
      'The standard input cannot have both the branches and the pull requests',
    );
  const rules = {
    branches: keepBranches === undefined ? undefined : parseBranches(await readLines(this, keepBranches)),
    pullRequests:
      keepPullRequests === undefined ? undefined : parsePullRequests(await readLines(this, keepPullRequests)),
    before: olderThan === undefined ? undefined : this.now().getTime() - olderThan,
  };
  const platform = nodePlatform(this.platform, this.architecture);
  const { repository, pruning } = await withRepository(this, flags, text, async (place) => {
    const { target, reference, report } = place;
    const written = target.written ?? target;
    const plan = await planPrune(written, rules, { platform, report });
    const pruning = flags.dryRun ? plan : await removeTags(written, plan, report);
    return { repository: formatReference(reference), pruning };
  });
  if (flags.json) printJson(this, { ...(flags.dryRun ? { dryRun: true } : {}), repository, ...pruning });
  else print(this, pruning, flags.dryRun ? 'would be removed' : 'is removed');
}

const reasons = {
  needed: 'its manifest is needed by something that stays, and this registry removes both or none',
  moved: 'it stands for another image now',
  undated: 'its image does not tell its time',
} as const;

function print(host: Host, { removed, kept }: Pruning, verb: string): void {
  for (const { tag, created } of removed)
    printLine(host, `${tag} ${verb}${created === undefined ? '' : `, of ${created.slice(0, 10)}`}`);
  for (const { tag, because } of kept)
    if (because in reasons) printLine(host, `${tag} stays: ${reasons[because as keyof typeof reasons]}`);
  printLine(
    host,
    `${removed.length} of ${removed.length + kept.length} tags ${removed.length === 1 ? verb : verb.replace('is', 'are')}.`,
  );
}
