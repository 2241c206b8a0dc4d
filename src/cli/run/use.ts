import { formatNamedEngine, parseEngineName } from '../../engine/names.js';
import { useEngine } from '../../shim/index.js';
import { openPaths, tellSelection } from '../engines.js';
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
  const selection = tellSelection(this, openPaths(this));
  const place = { environment: 'in this shell', project: 'in this directory' };
  if (selection?.by === 'environment' || selection?.by === 'project') {
    const stays = formatNamedEngine(selection);
    if (stays !== engine.name)
      printWarning(this, `${place[selection.by]} ${stays} stays selected, because ${selection.reason}`);
  }
}
