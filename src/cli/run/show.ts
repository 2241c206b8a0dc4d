import { findEngine, referenceCatalog } from '../../catalog/index.js';
import { type EngineDefinition, parseNamedEngine } from '../../engine/index.js';
import { isEngineshedError } from '../../errors/index.js';
import { formatReference } from '../../oci/index.js';
import type { Need } from '../../requirements/index.js';
import { type InstalledEngine, readEngine } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine } from '../output.js';
import { formatRequirement, needsOf } from '../requirements.js';
import { printTable } from '../table.js';
import { findUncovered, printUncovered, type Uncovered } from '../uncovered.js';

/** Shows what an engine is made of. */
export async function show(
  this: Host,
  flags: { registry?: string; json?: boolean },
  name?: string,
): Promise<void> {
  const engine =
    name === undefined ? (await chooseEngine(this, undefined, 'tell')).engine : readInstalled(this, name);
  if (engine !== undefined) {
    const uncovered = (await findUncovered(this, [engine]))[0];
    if (flags.json) printJson(this, { ...engine, uncovered: uncovered ?? null });
    else await showInstalled(this, engine, uncovered);
    return;
  }
  const definition = findEngine(await openCatalogs(this, flags.registry), name ?? '');
  if (flags.json) printJson(this, { ...definition, sources: sourcesJson(definition) });
  else showDefinition(this, definition);
}

function readInstalled(host: Host, text: string): InstalledEngine | undefined {
  const { name, id } = parseNamedEngine(text);
  try {
    return readEngine(openPaths(host), name, id);
  } catch (error) {
    if (id === undefined && isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) return undefined;
    throw error;
  }
}

async function showInstalled(
  host: Host,
  engine: InstalledEngine,
  uncovered: Uncovered | undefined,
): Promise<void> {
  heading(host, engine, `installed ${engine.installed}, state ${engine.id}`);
  for (const [name, source] of Object.entries(engine.sources)) {
    if (source.kind === 'directory') {
      const linked = engine.linked?.sources.includes(name) ? ', linked' : '';
      printLine(host, `source ${name}: the directory ${source.path}${linked}`);
      continue;
    }
    const size = source.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0);
    printLine(host, `source ${name}: ${source.reference}`);
    printLine(host, `  ${source.resolved}, ${formatBytes(size)}`);
    if (source.platform !== undefined) printLine(host, `  platform ${source.platform}`);
    for (const key of ['version', 'revision', 'created', 'source']) {
      const value = source.annotations[`org.opencontainers.image.${key}`];
      if (value !== undefined) printLine(host, `  ${key} ${value}`);
    }
  }
  if (uncovered !== undefined) {
    printLine(host);
    printUncovered(host, uncovered);
  }
  printLine(host);
  printTable(
    host,
    ['PART', 'DIRECTORY'],
    engine.parts.map((part) => [part.type, part.directory]),
  );
  printRequirements(host, (await needsOf(engine)).needs);
  const { set, unset } = engine.environment;
  if (Object.keys(set).length === 0) return;
  printLine(host);
  printTable(
    host,
    ['VARIABLE', 'VALUE'],
    [...Object.entries(set), ...unset.map((name) => [name, '(unset)'])],
  );
}

function showDefinition(host: Host, definition: EngineDefinition): void {
  heading(host, definition, `not installed; install it with: engineshed install ${definition.name}`);
  for (const [name, source] of Object.entries(sourcesJson(definition)))
    printLine(host, `source ${name}: ${source}`);
  printLine(host);
  printTable(
    host,
    ['PART', 'SOURCE', 'PATH'],
    definition.parts.map((part) => [part.type, part.source, part.path]),
  );
  printRequirements(
    host,
    (definition.requires ?? []).map((requirement) => ({ ...requirement, by: [definition.name] })),
  );
}

function printRequirements(host: Host, needs: readonly Need[]): void {
  if (needs.length === 0) return;
  printLine(host);
  printTable(
    host,
    ['REQUIREMENT', 'OF'],
    needs.map((need) => [formatRequirement(need), need.by.join(', ')]),
  );
}

function heading(
  host: Host,
  { name, description, catalog }: EngineDefinition | InstalledEngine,
  state: string,
): void {
  printLine(host, description === '' ? name : `${name}: ${description}`);
  printLine(host, state);
  // An engine of a bare reference is in no catalog; its description names the image.
  if (catalog !== referenceCatalog) printLine(host, `from the catalog ${catalog}`);
}

function sourcesJson({ sources }: EngineDefinition): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [
      name,
      source.kind === 'directory' ? source.path : formatReference(source.reference),
    ]),
  );
}
