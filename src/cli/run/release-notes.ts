import { compareEngines } from '../../engine/index.js';
import { formatReference } from '../../oci/index.js';
import { formatNotes } from '../../release/index.js';
import type { Host } from '../host.js';
import { printJson, printLines, withProgress } from '../output.js';
import { findRelease, withReleases } from '../release.js';
import type { NetworkFlags } from '../runtime.js';

/** The flags of `engineshed release notes`. */
interface NotesFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly json?: boolean;
}

/** Prints what changed between two releases. */
export async function releaseNotes(
  this: Host,
  flags: NotesFlags,
  before: string,
  after: string,
): Promise<void> {
  const [old, now] = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) =>
      Promise.all([findRelease(this, desk, before), findRelease(this, desk, after)]),
    ),
  );
  const comparison = compareEngines(old.lock, now.lock);
  if (flags.json) {
    printJson(this, {
      from: formatReference(old.reference),
      to: formatReference(now.reference),
      ...comparison,
    });
    return;
  }
  printLines(this, formatNotes({ before, after, comparison }).trimEnd().split('\n'));
}
