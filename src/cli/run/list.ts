import { type InstalledEngine, linksOf, readEngines } from '../../store/read.js';
import { openPaths, tellSelection } from '../engines.js';
import type { Host } from '../host.js';
import { printJson, printLine, printWarning } from '../output.js';
import { printTable } from '../table.js';
import { minuteOf } from '../text.js';

/** Lists the installed engines. */
export function list(this: Host, flags: { json?: boolean }): void {
  const paths = openPaths(this);
  const active = tellSelection(this, paths)?.name;
  const damaged: string[] = [];
  const engines = readEngines(paths, (name, error) => {
    damaged.push(name);
    printWarning(this, `${error.message}${error.hint === undefined ? '' : `. ${error.hint}`}`);
  });
  if (flags.json) printJson(this, { engines: engines.map((engine) => listed(engine, active)), damaged });
  else if (engines.length > 0) printEngines(this, engines, active);
  else if (damaged.length === 0)
    printLine(this, 'No engine is installed. Install one with: engineshed install');
}

function printEngines(host: Host, engines: readonly InstalledEngine[], active: string | undefined): void {
  printTable(
    host,
    ['', 'ENGINE', 'ID', 'INSTALLED (UTC)', 'SOURCES'],
    engines.map((engine) => [
      engine.name === active ? '*' : '',
      engine.name,
      engine.id.slice(0, 8),
      minuteOf(engine.installed),
      Object.keys(engine.sources)
        .map((source) => (engine.linked?.sources.includes(source) ? `${source} (linked)` : source))
        .join(', '),
    ]),
  );
}

function listed(engine: InstalledEngine, active: string | undefined) {
  const { name, id, kind, installed, sources } = engine;
  const from = Object.entries(sources).map(([source, locked]) => [source, cameFrom(locked)]);
  return {
    name,
    id,
    kind,
    active: name === active,
    installed,
    sources: Object.fromEntries(from),
    linked: linksOf(engine),
  };
}

function cameFrom(source: InstalledEngine['sources'][string]) {
  return source.kind === 'directory'
    ? { directory: source.path }
    : { reference: source.reference, digest: source.resolved };
}
