import { parseEngineName } from '../../engine/names.js';
import { findSelection, useEngine } from '../../shim/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, printWarning, withProgress } from '../output.js';
import { openStore } from '../runtime.js';

/** Makes an installed engine the active one. */
export async function use(this: Host, flags: { json?: boolean }, name: string): Promise<void> {
  const engine = await withProgress(this, (report) =>
    useEngine(openStore(this, report), parseEngineName(name)),
  );
  if (flags.json) {
    printJson(this, { name: engine.name, id: engine.id });
    return;
  }
  printLine(this, `${engine.name} is the active engine now.`);
  const selection = findSelection(openPaths(this), this.environment);
  if (selection?.by === 'environment' && selection.name !== engine.name) {
    printWarning(this, `in this shell ${selection.name} stays selected, because ${selection.reason}`);
  }
}
