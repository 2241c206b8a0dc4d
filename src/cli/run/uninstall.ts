import { parseEngineName } from '../../engine/names.js';
import { uninstall as uninstallEngine } from '../../store/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { openStore } from '../runtime.js';
import { count } from '../text.js';

/** Removes an engine. */
export async function uninstall(
  this: Host,
  flags: { force?: boolean; json?: boolean },
  name: string,
): Promise<void> {
  const result = await withProgress(this, (report) =>
    uninstallEngine(openStore(this, report), parseEngineName(name), flags.force ? 'deactivate' : 'refuse'),
  );
  if (flags.json) {
    printJson(this, { name, ...result });
    return;
  }
  printLine(this, `${name} is uninstalled; ${count(result.removedLayers, 'layer')} removed.`);
  for (const lock of result.projects)
    printLine(this, `${lock} names it still; it is installed again when that project is used next.`);
  if (result.wasActive) printLine(this, 'No engine is active now. Choose one with: engineshed use NAME');
  if (result.collectionDeferred)
    printLine(this, 'Another process changes the store; the next uninstall frees the space.');
}
