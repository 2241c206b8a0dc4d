import { noteUse, refuseDamaged } from '../../store/read.js';
import { runInEngine } from '../child.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';

/** Runs a command in an engine's environment and ends as it ends. */
export async function exec(
  this: Host,
  _flags: Record<never, never>,
  name: string,
  ...command: string[]
): Promise<void> {
  const { engine } = chooseEngine(this, name);
  refuseDamaged(engine);
  noteUse(openPaths(this), engine.name, this.now());
  this.process.exitCode = await runInEngine(this, engine, engine.name, command);
}
