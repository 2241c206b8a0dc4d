import { type EnvironmentFormat, renderEnvironment } from '../../engine/render.js';
import { noteUse, refuseDamaged } from '../../store/read.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';

/** Prints an engine's environment. */
export async function env(
  this: Host,
  flags: { shell: EnvironmentFormat; json?: boolean },
  name?: string,
): Promise<void> {
  const { engine } = await chooseEngine(this, name, 'install');
  refuseDamaged(engine);
  noteUse(openPaths(this), engine.name, this.now());
  this.process.stdout.write(renderEnvironment(engine.environment, flags.json ? 'json' : flags.shell));
}
