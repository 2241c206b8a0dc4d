import { formatNamedEngine } from '../../engine/names.js';
import { EngineshedError } from '../../errors/index.js';
import { noteUse, refuseDamaged } from '../../store/read.js';
import { runInEngine } from '../child.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { execUsage } from '../words.js';

/** Runs a command in an engine's environment and ends as it ends. */
export async function exec(this: Host, _flags: Record<never, never>, ...words: string[]): Promise<void> {
  const { name, command } = parseWords(words);
  const { engine } = await chooseEngine(this, name, 'install');
  refuseDamaged(engine);
  noteUse(openPaths(this), engine.name, this.now());
  this.process.exitCode = await runInEngine(this, engine, formatNamedEngine(engine), command);
}

/** `ENGINE [--] COMMAND...`, `+ENGINE [--] COMMAND...` or `-- COMMAND...`; all of COMMAND is the command's own, flags too. */
function parseWords([first = '', ...rest]: readonly string[]): {
  name: string | undefined;
  command: readonly string[];
} {
  const name = first === '--' ? undefined : first.replace(/^\+/, '');
  const command = first !== '--' && rest[0] === '--' ? rest.slice(1) : rest;
  if (first !== '' && command.length > 0) return { name, command };
  throw new EngineshedError('USAGE', 'The command to run is missing', { hint: execUsage });
}
