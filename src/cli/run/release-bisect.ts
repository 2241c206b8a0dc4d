import { matchPattern, membersOf } from '../../catalog/index.js';
import type { Reporter } from '../../content/index.js';
import { compareEngines, type SourceChange } from '../../engine/index.js';
import { didYouMean, EngineshedError } from '../../errors/index.js';
import { formatReference } from '../../oci/index.js';
import { type Bisected, type BisectVerdict, bisect, runTests } from '../../release/index.js';
import { changedSources, printChanges } from '../changes.js';
import { inCleanStore, untilStopped } from '../clean-store.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { findRelease, type ReleaseDesk, withReleases } from '../release.js';
import type { NetworkFlags } from '../runtime.js';

/** The flags of `engineshed release bisect`. */
interface BisectFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly timeoutSeconds: number;
  readonly json?: boolean;
}

/** What a command has to end with where it cannot tell, as for `git bisect run`. */
const skipStatus = 125;

interface Looked {
  readonly version: string;
  readonly verdict: BisectVerdict;
}

interface Found {
  readonly versions: readonly string[];
  readonly bisected: Bisected;
  readonly looks: readonly Looked[];
  /** The components that changed between the last good release and the first bad one. */
  readonly changes: readonly SourceChange[];
}

/** Finds the first release that fails. */
export async function releaseBisect(
  this: Host,
  flags: BisectFlags,
  good: string,
  bad: string,
  ...command: string[]
): Promise<void> {
  const { versions, bisected, looks, changes } = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => search(this, flags, desk, { good, bad, command }, report)),
  );
  const [lastGood = '', firstBad = ''] = [versions[bisected.lastGood], versions[bisected.firstBad]];
  const skipped = bisected.skipped.map((at) => versions[at] ?? '');
  if (flags.json) {
    printJson(this, { lastGood, firstBad, skipped, looks, changes });
    return;
  }
  for (const { version, verdict } of looks) printLine(this, `${verdict.padEnd(4)}  ${version}`);
  if (looks.length === 0)
    printLine(this, `No release lies between ${good} and ${bad}, so that the command was not run.`);
  printLine(this, `${firstBad} is the first bad release; ${lastGood} is good.`);
  if (skipped.length > 0) printLine(this, `Between them, nobody can tell of ${skipped.join(', ')}.`);
  printChanges(this, changes);
}

async function search(
  host: Host,
  flags: BisectFlags,
  desk: ReleaseDesk,
  asked: { readonly good: string; readonly bad: string; readonly command: readonly string[] },
  report: Reporter,
): Promise<Found> {
  const { good, bad, command } = asked;
  if (command.length === 0) {
    throw new EngineshedError('USAGE', 'No command was given', {
      hint: 'Write: engineshed release bisect GOOD BAD -- COMMAND [ARGUMENT...]',
    });
  }
  const versions = await versionsBetween(desk, good, bad);
  const looks: Looked[] = [];
  const bisected = await untilStopped((signal) =>
    bisect(versions.length, async (at) => {
      signal.throwIfAborted();
      const version = versions[at] ?? '';
      const release = await findRelease(host, desk, version);
      const [outcome] = await inCleanStore(host, desk.catalogs, release, report, (environment) =>
        runTests([{ name: version, command, timeoutMs: flags.timeoutSeconds * 1000, alone: true }], {
          environment,
          directory: host.directory,
          concurrent: 1,
          report: () => {},
          signal,
        }),
      );
      signal.throwIfAborted();
      const verdict = outcome?.status === skipStatus ? 'skip' : outcome?.passed ? 'good' : 'bad';
      looks.push({ version, verdict });
      report({ type: 'resolved', what: `${formatReference(release.reference)}`, digest: verdict });
      return verdict;
    }),
  );
  const [lastGood, firstBad] = await Promise.all(
    [bisected.lastGood, bisected.firstBad].map((at) => findRelease(host, desk, versions[at] ?? '')),
  );
  const changes = lastGood && firstBad ? changedSources(compareEngines(lastGood.lock, firstBad.lock)) : [];
  return { versions, bisected, looks, changes };
}

/**
 * The versions from a good one to a bad one, the oldest first.
 * @throws EngineshedError `USAGE` where they are not two versions of one channel in this order
 */
async function versionsBetween(
  { settings, place }: ReleaseDesk,
  good: string,
  bad: string,
): Promise<readonly string[]> {
  const patterns = [...settings.channels.values()].flatMap(({ versions }) => versions ?? []);
  const pattern = patterns.find((one) => [good, bad].every((tag) => matchPattern(one, tag) !== undefined));
  if (pattern?.placeholder === undefined) {
    const forms = patterns.map(({ text }) => text).join(' or ');
    throw new EngineshedError('USAGE', `"${good}" and "${bad}" are no two versions of one channel`, {
      hint: forms === '' ? 'No channel of [release.channels] has versions.' : `They have the form ${forms}.`,
    });
  }
  const tags: string[] = [];
  for await (const tag of place.tags()) tags.push(tag);
  const versions = membersOf(pattern, tags).reverse();
  const [from, to] = [versions.indexOf(good), versions.indexOf(bad)];
  for (const [tag, at] of [
    [good, from],
    [bad, to],
  ] as const) {
    if (at < 0)
      throw new EngineshedError('REFERENCE_NOT_FOUND', `There is no ${place.label}:${tag}`, {
        hint:
          didYouMean(tag, versions) ??
          `See what there is: engineshed tags ${formatReference(settings.image)}`,
      });
  }
  if (from < to) return versions.slice(from, to + 1);
  throw new EngineshedError('USAGE', `${good} is not older than ${bad}`, {
    hint: 'Name the good release first.',
  });
}
