import { parseEngineName } from '../../engine/names.js';
import { findSelection, useEngine } from '../../shim/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, startProgress } from '../output.js';
import { openStore } from '../runtime.js';

/** Makes an installed engine the active one. */
export async function use(this: Host, flags: { json?: boolean }, name: string): Promise<void> {
  const progress = startProgress(this);
  const store = openStore(this, progress.report);
  const engine = await useEngine(store, parseEngineName(name));
  progress.end();
  if (flags.json) {
    printJson(this, { name: engine.name, id: engine.id });
    return;
  }
  printLine(this, `${engine.name} is the active engine now.`);
  const selection = findSelection(store.paths, this.environment);
  if (selection?.by === 'environment' && selection.name !== engine.name) {
    progress.report({
      type: 'warning',
      message: `in this shell ${selection.name} stays selected, because ${selection.reason}`,
    });
  }
}
