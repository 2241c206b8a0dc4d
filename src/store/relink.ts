import { lockId } from '../engine/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { followPointer, readPointer, replaceLink, syncDirectory } from '../files/index.js';
import { makeOwnDirectory } from './directory.js';
import { type Links, linkedId, linksOf, refuseGone } from './linked.js';
import { linkedBases, linkedLock, readLinks, removeLink, setLink } from './links.js';
import { installedLock } from './lock-file.js';
import { unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';
import { findProjects } from './projects.js';
import { type InstalledEngine, readEngine, readEngineFile } from './record.js';
import { intactState, renewState, type StateInputs } from './state.js';
import { type Store, type Transaction, transaction, withLock } from './store.js';
import { systemOf } from './verify-state.js';

/** What a link is made of. */
export interface LinkInputs extends StateInputs {
  /** The component, and the directory that stands in its place; absolute. */
  readonly source: string;
  readonly directory: string;
}

/** What linking or unlinking did. */
export interface Relinked {
  /** The state that is selected now where the given one was. */
  readonly engine: InstalledEngine;
  /** The links of the engine before and after. */
  readonly before: Links;
  readonly links: Links;
}

/**
 * Puts a directory into an engine, in the place of one of its components, on this machine: in the given state, in what its name stands
 * for, and in the states that projects need. The directory is never written to, checked or removed.
 * @param engine the state to begin with; linked or not
 * @throws EngineshedError `PATH_NOT_FOUND` where the directory, or one that is linked already, lacks a part's path or is gone,
 *   `STORE_CORRUPT`, and as `transaction` does
 */
export function linkSource(store: Store, engine: InstalledEngine, inputs: LinkInputs): Promise<Relinked> {
  const { source, directory } = inputs;
  return transaction(store, `link ${engine.name} ${source}`, (running) =>
    withEngine(store, engine, async () => {
      const before = readLinks(store.paths, engine.name);
      const links = { ...before, [source]: directory };
      return relink(store, running, engine, { before, links, inputs });
    }),
  );
}

/**
 * Takes a directory out of an engine, or all that are linked into it.
 * @throws EngineshedError `SOURCE_UNKNOWN` where nothing is linked for that component, or at all, and as {@link linkSource} does
 */
export function unlinkSource(
  store: Store,
  engine: InstalledEngine,
  source: string | undefined,
  inputs: StateInputs,
): Promise<Relinked> {
  const { name } = engine;
  return transaction(store, `unlink ${name}${source === undefined ? '' : ` ${source}`}`, (running) =>
    withEngine(store, engine, async () => {
      const before = readLinks(store.paths, name);
      refuseUnlinked(name, before, source);
      const left = source === undefined ? [] : Object.entries(before).filter(([other]) => other !== source);
      return relink(store, running, engine, { before, links: Object.fromEntries(left), inputs });
    }),
  );
}

/**
 * Keeps the links of an engine in a state that was just installed: makes the linked state, and lets it stand in for this one. The caller
 * has the engine's lock.
 * @returns the state that the name is to stand for
 * @throws EngineshedError as {@link linkSource} does; NodeJS.ErrnoException
 */
export function keepLinks(
  store: Store,
  running: Transaction,
  installed: InstalledEngine,
  inputs: StateInputs,
): InstalledEngine {
  const links = readLinks(store.paths, installed.name);
  return Object.keys(links).length === 0 ? installed : standIn(store, running, installed, links, inputs);
}

/**
 * After a name was led to a state again: the links are those of that state, and other states keep theirs only where they are the
 * same. The caller has the engine's lock.
 * @throws NodeJS.ErrnoException
 */
export function restoreLinks(store: Store, { staging }: Transaction, name: string, id: string): void {
  const { paths } = store;
  const engine = readEngineFile(`${paths.engineState(name, id)}/engine.json`);
  const links = engine === undefined ? {} : linksOf(engine);
  for (const base of linkedBases(paths, name)) {
    const other = readEngineFile(`${followPointer(paths.engineLink(name, base))}/engine.json`);
    if (other === undefined || !isSame(linksOf(other), links)) removeLink(paths, name, base);
  }
  if (engine?.linked === undefined) return;
  makeOwnDirectory(paths.engineLinks(name));
  setLink(paths, name, engine.linked.base, id, staging);
}

function withEngine<T>(store: Store, { name }: InstalledEngine, work: () => Promise<T>): Promise<T> {
  return withLock(store, `engine-${name}`, 'exclusive', work);
}

interface RelinkInputs {
  readonly before: Links;
  readonly links: Links;
  readonly inputs: StateInputs;
}

/** The linked states first, then what leads to them: whoever is killed in between has the old or the new at each name. */
function relink(
  store: Store,
  running: Transaction,
  given: InstalledEngine,
  { before, links, inputs }: RelinkInputs,
): Relinked {
  const { paths } = store;
  const { name } = given;
  const wanted = baseOf(paths, given);
  const active = activeBase(paths, name);
  const bases = new Set([wanted.id, ...linkedBases(paths, name), ...(active === undefined ? [] : [active])]);
  for (const project of findProjects(paths, store.now()).needed)
    if (project.engine === name) bases.add(project.id);
  const standing = new Map<string, InstalledEngine>();
  for (const id of bases) {
    const base = id === wanted.id ? wanted : readEngineFile(`${paths.engineState(name, id)}/engine.json`);
    if (base === undefined) continue;
    try {
      standing.set(id, standIn(store, running, base, links, inputs));
    } catch (error) {
      // What somebody else selects must not fail for the sake of this one.
      if (id === wanted.id || !isEngineshedError(error, 'PATH_NOT_FOUND', 'STORE_CORRUPT')) throw error;
      store.report({ type: 'warning', message: `the state ${name}@${id} is not linked: ${error.message}` });
      standing.set(id, base);
    }
  }
  const led = active === undefined ? undefined : standing.get(active);
  if (led !== undefined && led.id !== unlessMissing(() => readPointer(paths.engineActive(name))))
    replaceLink(paths.engineActive(name), led.id, running.staging);
  for (const id of bases) if (standing.get(id)?.linked === undefined) removeLink(paths, name, id);
  syncDirectory(paths.engine(name));
  return { engine: standing.get(wanted.id) ?? wanted, before, links };
}

/** The state that stands for a base with these links: a linked one, to which `links/ID` leads, or the base itself. */
function standIn(
  store: Store,
  running: Transaction,
  base: InstalledEngine,
  links: Links,
  inputs: StateInputs,
): InstalledEngine {
  const { paths } = store;
  const lock = linkedLock(installedLock(paths, base), links);
  if (lock === undefined) return base;
  refuseGone(base.name, links);
  const system = systemOf(lock, inputs.platform);
  const engine = intactState(store, lock) ?? renewState(store, running, lock, system);
  makeOwnDirectory(paths.engineLinks(base.name));
  if (linkedId(paths, base.name, base.id) !== engine.id)
    setLink(paths, base.name, base.id, lockId(lock), running.staging);
  return engine;
}

/** The state that one stands in for; the state itself where it is not linked. */
export function baseOf(paths: StorePaths, engine: InstalledEngine): InstalledEngine {
  return engine.linked === undefined ? engine : readEngine(paths, engine.name, engine.linked.base);
}

/** The id of the state that a name stands for without links. */
function activeBase(paths: StorePaths, name: string): string | undefined {
  const id = unlessMissing(() => readPointer(paths.engineActive(name)));
  return linkedBases(paths, name).find((base) => linkedId(paths, name, base) === id) ?? id;
}

function refuseUnlinked(name: string, links: Links, source: string | undefined): void {
  const names = Object.keys(links);
  if (source === undefined ? names.length > 0 : names.includes(source)) return;
  throw new EngineshedError(
    'SOURCE_UNKNOWN',
    names.length === 0
      ? `Nothing is linked into the engine ${name}`
      : `Nothing is linked into the engine ${name} for "${source}"`,
    names.length === 0 ? {} : { hint: `Linked are: ${names.join(', ')}.` },
  );
}

function isSame(one: Links, other: Links): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((source) => one[source] === other[source]);
}
