import { chooseEngine } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine } from '../output.js';

/** Prints the active engine's name. */
export function current(this: Host, flags: { json?: boolean }): void {
  const { engine, selection } = chooseEngine(this, undefined);
  const { name, id } = engine;
  if (flags.json) printJson(this, { name, id, selectedBy: selection?.by, reason: selection?.reason });
  else printLine(this, name);
}
