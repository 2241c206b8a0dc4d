import { type Generation, readHistory } from '../../store/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine } from '../output.js';
import { printTable } from '../table.js';
import { minuteOf } from '../text.js';

/** Lists the generations of the store. */
export function history(this: Host, flags: { json?: boolean }): void {
  const { generations, position } = readHistory(openPaths(this));
  if (flags.json) {
    printJson(this, { position: position ?? null, generations });
    return;
  }
  if (generations.length === 0) {
    printLine(this, 'Nothing was installed yet.');
    return;
  }
  printTable(
    this,
    ['', 'GENERATION', 'SINCE (UTC)', 'CHANGE', 'ACTIVE', 'ENGINES'],
    generations.map((generation) => [
      generation.number === position ? '*' : '',
      String(generation.number),
      minuteOf(generation.time),
      generation.change,
      generation.active ?? '-',
      enginesOf(generation),
    ]),
  );
}

function enginesOf({ engines }: Generation): string {
  return Object.entries(engines)
    .map(([name, id]) => `${name} ${id.slice(0, 8)}`)
    .join(', ');
}
