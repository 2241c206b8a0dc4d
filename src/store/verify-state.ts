import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { type EngineLock, renderEnvironment } from '../engine/index.js';
import { isEngineshedError } from '../errors/index.js';
import { followPointer, pointerAt, readPointer } from '../files/index.js';
import { canonicalJson, nodeSystem, parsePlatform } from '../oci/index.js';
import { commandsFile, renderCommands } from './commands.js';
import { FaultList } from './faults.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import { engineNames, type InstalledEngine } from './record.js';
import type { ReadState } from './scope.js';
import { describeEngine, type StateInputs } from './state.js';
import type { Store } from './store.js';

/** The operating system that the environment of a lock is for, as `process.platform` names it. */
export function systemOf({ platform }: EngineLock, own: string): StateInputs {
  return { platform: platform === undefined ? own : nodeSystem(parsePlatform(platform).os) };
}

/**
 * Checks one state of an engine: that its lock is its own, and that record, environment and links are what that lock makes.
 * @param platform the operating system, as `process.platform` names it
 */
export function checkState(store: Store, state: ReadState, platform: string, faults: FaultList): void {
  const { home, lock, engine } = state;
  if (!isDirectory(home)) {
    faults.add('', { fault: 'missing' });
    return;
  }
  if (lock === undefined) {
    tellDamage(home, 'lock.json', faults);
    if (engine === undefined) tellDamage(home, 'engine.json', faults);
    else checkRendered(store, home, engine, faults);
    return;
  }
  if (state.lockSum === 'other') faults.add('.lock-sum', { fault: 'content' });
  const expected = expectedRecord(store, state, lock, platform);
  const record = expected ?? engine;
  if (
    engine === undefined ||
    (expected !== undefined && canonicalJson(engine) !== canonicalJson({ ...expected }))
  )
    tellDamage(home, 'engine.json', faults);
  if (record !== undefined) checkRendered(store, home, record, faults);
}

/**
 * Checks what the names of a store lead to.
 * @param name only that of one engine; undefined for all, and for the active one
 */
export function checkNames(paths: StorePaths, name: string | undefined): FaultList[] {
  const names = name === undefined ? (orNothing(() => engineNames(paths)) ?? []) : [name];
  const lists = names.flatMap((engine) => {
    const faults = new FaultList('name', engine, new Set([engine]), `engines/${engine}`);
    checkLink(paths.engine(engine), 'active', /^[0-9a-f]{16}$/, faults);
    const links = new FaultList('name', engine, new Set([engine]), `engines/${engine}/links`);
    for (const id of orNothing(() => readdirSync(paths.engineLinks(engine))) ?? [])
      checkLink(paths.engineLinks(engine), id, /^\.\.\/[0-9a-f]{16}$/, links);
    return [faults, links];
  });
  if (name !== undefined) return lists;
  const faults = new FaultList('name', 'current', new Set(), '.');
  checkLink(paths.root, 'current', /^engines\/[^/]+\/active$/, faults);
  return [...lists, faults];
}

/** What its lock makes; undefined where its sources are damaged, or not there. */
function expectedRecord(
  store: Store,
  { engine }: ReadState,
  lock: EngineLock,
  platform: string,
): InstalledEngine | undefined {
  try {
    return describeEngine(store, lock, systemOf(lock, platform), engine?.installed);
  } catch (error) {
    if (isEngineshedError(error)) return undefined;
    throw error;
  }
}

function checkRendered(store: Store, home: string, engine: InstalledEngine, faults: FaultList): void {
  const environment = orNothing(() => readFileSync(`${home}/env`, 'utf8'));
  if (environment !== renderEnvironment(engine.environment, 'sh')) tellDamage(home, 'env', faults);
  const commands = orNothing(() => readFileSync(`${home}/${commandsFile}`, 'utf8'));
  if (commands !== renderCommands(engine, store.paths.root)) tellDamage(home, commandsFile, faults);
  const links = new Map([
    ...engine.parts.map(({ type, directory }) => [`parts/${type}`, directory] as const),
    ...Object.entries(engine.sources).map(
      ([source, { directory }]) => [`sources/${source}`, directory] as const,
    ),
    ...(engine.commands ?? []).map(({ name, file }) => [`bin/${name}`, file] as const),
  ]);
  for (const [path, expected] of links) {
    const standing = pointerAt(`${home}/${path}`);
    if (standing !== 'pointer') {
      faults.add(
        path,
        standing === 'nothing' ? { fault: 'missing' } : { fault: 'kind', expected: 'symlink' },
      );
      continue;
    }
    const actual = readPointer(`${home}/${path}`);
    if (actual !== expected) faults.add(path, { fault: 'target', expected, actual });
  }
  const known = new Set([
    'lock.json',
    '.lock-sum',
    'engine.json',
    'env',
    'parts',
    'sources',
    ...(engine.commands === undefined ? [] : ['bin', commandsFile]),
    ...links.keys(),
  ]);
  for (const directory of ['', 'parts/', 'sources/', 'bin/'])
    for (const entry of orNothing(() => readdirSync(`${home}/${directory}`)) ?? [])
      if (!known.has(`${directory}${entry}`)) faults.add(`${directory}${entry}`, { fault: 'extra' });
}

/** A name that leads nowhere is one that is not installed, and that is no damage where it does not exist at all. */
function checkLink(directory: string, link: string, grammar: RegExp, faults: FaultList): void {
  const path = `${directory}/${link}`;
  const standing = pointerAt(path);
  if (standing === 'nothing') return;
  if (standing === 'other') {
    faults.add(link, { fault: 'kind', expected: 'symlink' });
    return;
  }
  const target = readPointer(path);
  if (!grammar.test(target) || !isDirectory(followPointer(`${directory}/${target}`)))
    faults.add(link, { fault: 'target', actual: target });
}

function tellDamage(home: string, file: string, faults: FaultList): void {
  const standing = lstatSync(`${home}/${file}`, { throwIfNoEntry: false });
  faults.add(file, { fault: standing === undefined ? 'missing' : 'content' });
}

function isDirectory(path: string): boolean {
  return orNothing(() => lstatSync(`${path}/.`))?.isDirectory() === true;
}
