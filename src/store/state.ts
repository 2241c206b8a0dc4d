import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import {
  type EngineLock,
  engineEnvironment,
  type LockedSource,
  lockId,
  type PartDefinition,
  renderEnvironment,
} from '../engine/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../errors/index.js';
import { makePointer, readPointer, syncDirectory, uniqueSuffix, writeNewFile } from '../files/index.js';
import { canonicalJson } from '../oci/index.js';
import { commandsFile, describeCommands, renderCommands } from './commands.js';
import { makeOwnDirectory } from './directory.js';
import { readStateLock, writeStateLock } from './lock-file.js';
import { mendDirectory } from './mend.js';
import { isAbsence } from './missing.js';
import { orNothing } from './or-nothing.js';
import {
  contractVersion,
  engineNames,
  type InstalledCommand,
  type InstalledEngine,
  readEngineFile,
} from './record.js';
import { sourceDirectory } from './source.js';
import type { Store, Transaction } from './store.js';

/** What the record of a state tells beside its lock. */
export interface StateInputs {
  /** The operating system that the environment is for, as `process.platform` names it. */
  readonly platform: string;
}

/**
 * Makes a state from its lock, in the place of what is there of it. The caller has the engine's lock.
 * @throws EngineshedError `PATH_NOT_FOUND` or `LAYER_UNSAFE` for a part that is not in its source, `NAME_INVALID` for a name
 * that the file system takes for another engine's; NodeJS.ErrnoException
 */
export function renewState(
  store: Store,
  { staging }: Transaction,
  lock: EngineLock,
  inputs: StateInputs,
): InstalledEngine {
  const { paths } = store;
  const home = paths.engineState(lock.name, lockId(lock));
  const record = recordOf(home);
  const made = describeEngine(store, lock, inputs, record?.installed);
  const engine = record !== undefined && canonicalJson(record) === canonicalJson(made) ? record : made;
  const directory = `${staging}/engine-${uniqueSuffix()}`;
  writeState(engine, lock, directory, paths.root);
  makeOwnDirectory(paths.engine(lock.name));
  refuseFoldedName(store, lock.name);
  mendDirectory(directory, home, staging);
  return engine;
}

/**
 * The record of a state, if it stands in this store as it was made: the record itself, the environment file and every link.
 * @throws EngineshedError `STORE_VERSION`, `FILE_PERMISSION`
 */
export function intactState(store: Store, lock: EngineLock): InstalledEngine | undefined {
  const id = lockId(lock);
  const home = store.paths.engineState(lock.name, id);
  const engine = recordOf(home);
  if (engine === undefined || engine.name !== lock.name || engine.id !== id) return undefined;
  const linksLead =
    engine.parts.every(({ type, directory }) => leadsTo(`${home}/parts/${type}`, directory)) &&
    Object.entries(lock.sources).every(([name, source]) => {
      const directory = engine.sources[name]?.directory;
      const link = `${home}/sources/${name}`;
      return (
        directory !== undefined &&
        leadsTo(link, directory) &&
        realPath(directory) === realPath(sourceDirectory(store, name, source))
      );
    });
  const commandsLead = (engine.commands ?? []).every(({ name, file }) =>
    leadsTo(`${home}/bin/${name}`, file),
  );
  const rendered =
    readText(`${home}/env`) === renderEnvironment(engine.environment, 'sh') &&
    readText(`${home}/${commandsFile}`) === renderCommands(engine, store.paths.root) &&
    (engine.commands === undefined) === (lock.commands === undefined);
  return linksLead && commandsLead && rendered && readStateLock(home, lock.name, id)?.sum === 'right'
    ? engine
    : undefined;
}

function recordOf(home: string): InstalledEngine | undefined {
  try {
    return readEngineFile(`${home}/engine.json`);
  } catch (error) {
    if (isEngineshedError(error, 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}

/** On a file system without upper and lower case, `Train` would be `train`, and each the other's damage. */
function refuseFoldedName({ paths }: Store, name: string): void {
  const names = engineNames(paths);
  if (names.includes(name)) return;
  const other = names.find((known) => known.toLowerCase() === name.toLowerCase());
  throw new EngineshedError(
    'NAME_INVALID',
    `The file system does not tell "${name}" from "${other ?? 'another name'}", which is installed`,
    { hint: 'Choose a name that differs in more than upper and lower case.' },
  );
}

/**
 * The record of a state that is made of a lock.
 * @param installed since when it is installed; now unless told
 * @throws EngineshedError `PATH_NOT_FOUND` or `LAYER_UNSAFE` for a part that is not in its source
 */
export function describeEngine(
  store: Store,
  lock: EngineLock,
  inputs: StateInputs,
  installed = store.now().toISOString(),
): InstalledEngine {
  const directories = new Map(
    Object.entries(lock.sources).map(([name, source]) => [name, sourceDirectory(store, name, source)]),
  );
  const parts = lock.parts.map((part) => ({
    ...part,
    directory: partDirectory(lock.name, part, directories.get(part.source) ?? ''),
  }));
  const byType = new Map(parts.map((part) => [part.type, part.directory]));
  const sources = Object.entries(lock.sources).map(([name, source]) => [
    name,
    { ...source, directory: directories.get(name) ?? '' } satisfies LockedSource & { directory: string },
  ]);
  const commands = describeCommands(lock, byType, directories, inputs.platform);
  return {
    contract: contractVersion,
    name: lock.name,
    id: lockId(lock),
    installed,
    description: lock.description,
    kind: lock.kind,
    catalog: lock.catalog,
    sources: Object.fromEntries(sources),
    parts,
    environment: engineEnvironment(lock, (part) => byType.get(part.type) ?? '', inputs.platform),
    ...(commands === undefined ? {} : { commands }),
    ...(lock.requires === undefined ? {} : { requires: lock.requires }),
    ...(lock.linked === undefined ? {} : { linked: lock.linked }),
  };
}

/** The real path of a part; what a link in a source leads out of it to is no part of it. */
function partDirectory(engine: string, part: PartDefinition, source: string): string {
  const path = part.path === '.' ? source : `${source}/${part.path}`;
  const what = `The part ${part.type} of ${engine} should be "${part.path}" in its source ${part.source}`;
  try {
    const root = realpathSync(source);
    const real = realpathSync(path);
    if (real === root || real.startsWith(root + sep)) return real;
  } catch (cause) {
    if (!isAbsence(cause)) throw inOperation(`Looking for the part ${part.type} of ${engine}`, cause);
    throw new EngineshedError('PATH_NOT_FOUND', `${what}, which has no such path`, {
      hint: 'Correct the path in the catalog, or install a build that has it.',
      cause,
      details: { path },
    });
  }
  throw new EngineshedError('LAYER_UNSAFE', `${what}, and leads out of it`, { details: { path } });
}

function writeState(engine: InstalledEngine, lock: EngineLock, directory: string, root: string): void {
  mkdirSync(`${directory}/parts`, { recursive: true, mode: 0o755 });
  mkdirSync(`${directory}/sources`, { mode: 0o755 });
  for (const part of engine.parts) makePointer(part.directory, `${directory}/parts/${part.type}`);
  for (const [name, source] of Object.entries(engine.sources))
    makePointer(source.directory, `${directory}/sources/${name}`);
  writeNewFile(`${directory}/env`, renderEnvironment(engine.environment, 'sh'));
  writeStateLock(directory, lock);
  writeNewFile(`${directory}/engine.json`, `${JSON.stringify(engine, null, 2)}\n`);
  if (engine.commands !== undefined) writeCommands(engine, engine.commands, directory, root);
  for (const made of [`${directory}/parts`, `${directory}/sources`, directory]) syncDirectory(made);
}

function writeCommands(
  engine: InstalledEngine,
  commands: readonly InstalledCommand[],
  directory: string,
  root: string,
): void {
  mkdirSync(`${directory}/bin`, { mode: 0o755 });
  for (const { name, file } of commands) makePointer(file, `${directory}/bin/${name}`);
  writeNewFile(`${directory}/${commandsFile}`, renderCommands(engine, root) ?? '');
  syncDirectory(`${directory}/bin`);
}

function leadsTo(link: string, target: string): boolean {
  return orNothing(() => readPointer(link)) === target && realPath(target) !== undefined;
}

function realPath(path: string): string | undefined {
  return orNothing(() => realpathSync(path));
}

function readText(path: string): string | undefined {
  return orNothing(() => readFileSync(path, 'utf8'));
}
