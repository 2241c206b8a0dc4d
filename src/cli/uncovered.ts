import { type Catalogs, engineLineage, findEngine, imagesOf, policyEngines } from '../catalog/index.js';
import { engineEnvironment } from '../engine/index.js';
import type { NamedEngine } from '../engine/names.js';
import { fromSystemError, isEngineshedError } from '../errors/index.js';
import { parseReference } from '../oci/index.js';
import { type InstalledEngine, linksOf, readEngine, readEngines, type StorePaths } from '../store/read.js';
import { describePolicy, policiesFor, repositoryName, type TrustPolicy } from '../trust/index.js';
import { openCatalogs, openCatalogsWith } from './catalogs.js';
import { openPaths, tellSelection } from './engines.js';
import type { Host } from './host.js';
import { printLine, printWarning } from './output.js';

/** What runs under the name of an engine that policies are for, though nobody has signed it. */
export interface Uncovered {
  readonly engine: string;
  /** Which state of it. */
  readonly id: string;
  /** At least one. */
  readonly policies: readonly Pick<TrustPolicy, 'name' | 'file'>[];
  /** Components that are directories: of a project, or linked by the user. */
  readonly directories: readonly {
    readonly source: string;
    readonly directory: string;
    readonly linked: boolean;
  }[];
  /** Variables whose values the built-in catalog and the user's own file do not give: those of a project or lock. */
  readonly variables: readonly string[];
}

/** The operating systems that a value may be for. */
const platforms = ['linux', 'darwin', 'win32'];

/**
 * What of installed engines the policies for them do not cover, one entry for each of which something is left out. A policy says who signed
 * the images: directories and texts of a file are nobody's to sign. Where the configuration cannot be read, that is a warning.
 */
export async function findUncovered(host: Host, engines: readonly InstalledEngine[]): Promise<Uncovered[]> {
  if (engines.length === 0) return [];
  try {
    const catalogs = await openCatalogs(host, undefined);
    if (catalogs.policies.length === 0) return [];
    const own = await openCatalogsWith(host, undefined, undefined);
    return engines.flatMap((engine) => uncoveredOf(engine, catalogs, own) ?? []);
  } catch (error) {
    printWarning(host, `What policies do not cover cannot be told: ${fromSystemError(error).message}`);
    return [];
  }
}

/** @param own the catalogs without those of the project */
function uncoveredOf(engine: InstalledEngine, catalogs: Catalogs, own: Catalogs): Uncovered | undefined {
  const policies = policiesOf(catalogs, engine);
  if (policies.length === 0) return undefined;
  const links = linksOf(engine);
  const directories = Object.entries(engine.sources).flatMap(([source, { kind, directory }]) =>
    kind === 'directory' ? [{ source, directory, linked: Object.hasOwn(links, source) }] : [],
  );
  const variables = foreignVariables(own, engineLineage(catalogs, engine.name), engine);
  if (directories.length + variables.length === 0) return undefined;
  return {
    engine: engine.name,
    id: engine.id,
    policies: policies.map(({ name, file }) => ({ name, file })),
    directories,
    variables,
  };
}

/** What the names of the store stand for, and the state that is selected here, which may be another; of one name, where one is given. */
export function installedHere(host: Host, name: string | undefined): InstalledEngine[] {
  const paths = openPaths(host);
  const engines = readEngines(paths, () => {});
  const selected = tellSelection(host, paths);
  const here = selected?.id === undefined ? undefined : readState(paths, selected);
  const all = here === undefined || engines.some(({ id }) => id === here.id) ? engines : [...engines, here];
  return all.filter((engine) => name === undefined || engine.name === name);
}

function readState(paths: StorePaths, { name, id }: NamedEngine): InstalledEngine | undefined {
  try {
    return readEngine(paths, name, id);
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_NOT_INSTALLED', 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}

/** Prints it, a line for each thing. */
export function printUncovered(
  host: Host,
  { engine, id, policies, directories, variables }: Uncovered,
): void {
  const verb = policies.length === 1 ? 'does' : 'do';
  printLine(
    host,
    `${policies.map(describePolicy).join(' and ')} ${verb} not cover of ${engine}, state ${id}:`,
  );
  for (const { source, directory, linked } of directories)
    printLine(host, `  source ${source}: the directory ${directory}${linked ? ', linked' : ''}`);
  for (const name of variables)
    printLine(host, `  variable ${name}: its value is not that of your own files`);
}

function policiesOf(catalogs: Catalogs, { name, sources }: InstalledEngine): TrustPolicy[] {
  const references = Object.values(sources).flatMap((source) =>
    source.kind === 'directory' ? [] : [parseReference(source.reference)],
  );
  return policiesFor(catalogs.policies, {
    engines: [
      ...engineLineage(catalogs, name),
      ...references.flatMap((reference) => policyEngines(catalogs, name, reference)),
    ],
    images: [
      ...imagesOf(catalogs, name),
      ...references.flatMap((one) => (one.transport === 'registry' ? [repositoryName(one)] : [])),
    ],
  });
}

/** @param lineage the engine and those that it extends; the first that the user's own catalogs know is compared with */
function foreignVariables(own: Catalogs, lineage: readonly string[], engine: InstalledEngine): string[] {
  const [known] = lineage.flatMap((name) => definitionOf(own, name) ?? []);
  if (known === undefined) return [];
  const expected = platforms.map((platform) =>
    engineEnvironment({ ...engine, environment: known.environment }, directoryOf(engine), platform),
  );
  return Object.entries(engine.environment.set).flatMap(([name, value]) =>
    expected.some(({ set }) => set[name] === value) ? [] : [name],
  );
}

function definitionOf(catalogs: Catalogs, name: string) {
  try {
    return findEngine(catalogs, name);
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_UNKNOWN', 'NAME_INVALID')) return undefined;
    throw error;
  }
}

function directoryOf({ parts }: InstalledEngine) {
  const directories = new Map(parts.map(({ type, directory }) => [type, directory]));
  return ({ type }: { readonly type: string }) => directories.get(type) ?? '';
}
