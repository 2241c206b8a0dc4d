import { formatNamedEngine } from '../../engine/index.js';
import { EngineshedError, fromSystemError } from '../../errors/index.js';
import { beginTrial, refuseDamaged } from '../../store/index.js';
import { runInEngine } from '../child.js';
import type { Host } from '../host.js';
import { printWarning, withProgress } from '../output.js';
import { type ReplacedFlags, withReplaced } from '../replaced.js';
import { parseReplacements } from '../replacement.js';

/** Runs a command in an engine with sources replaced, and ends as it ends. */
export async function tryEngine(this: Host, flags: ReplacedFlags, ...given: string[]): Promise<void> {
  const { texts, command } = split(this, given);
  const replacements = parseReplacements(this, texts);
  const trial = await withProgress(this, (report) =>
    withReplaced(this, flags, replacements, report, ({ store, lock, inputs }) =>
      beginTrial(store, lock, inputs),
    ),
  );
  try {
    refuseDamaged(trial.engine);
    this.process.exitCode = await runInEngine(this, trial.engine, formatNamedEngine(trial.engine), command);
  } finally {
    // The command has run, and how it ended counts: what stays is gc's.
    await trial.end().catch((error) => printWarning(this, fromSystemError(error).message));
  }
}

/** What stands before "--", and the command after it. */
function split(host: Host, given: readonly string[]): { texts: string[]; command: string[] } {
  const end = host.arguments.indexOf('--');
  const command = end < 0 ? [] : host.arguments.slice(end + 1);
  const texts = given.slice(0, given.length - command.length);
  if (command.length > 0 && texts.length > 0) return { texts, command };
  throw new EngineshedError(
    'USAGE',
    command.length === 0 ? 'No command was given' : 'Nothing was given to take the place of a source',
    { hint: 'Write: engineshed try SOURCE=TAG -- COMMAND [ARGUMENT...]' },
  );
}
