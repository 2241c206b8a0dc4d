import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import {
  type EngineLock,
  findComponent,
  isStateId,
  type LockedSource,
  lockId,
  replaceComponent,
} from '../engine/index.js';
import { followPointer, replaceLink } from '../files/index.js';
import { type Links, linkedId, linksOf } from './linked.js';
import { unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';
import { readEngineFile } from './record.js';

/**
 * The links of an engine. Every state that somebody may select has a linked one beside it, to which `links/ID` leads, all with the
 * same directories.
 * @throws EngineshedError `STORE_CORRUPT`, `FILE_PERMISSION`
 */
export function readLinks(paths: StorePaths, name: string): Links {
  for (const id of linkedBases(paths, name)) {
    const linked = readEngineFile(`${followPointer(paths.engineLink(name, id))}/engine.json`);
    if (linked?.linked !== undefined) return linksOf(linked);
  }
  return {};
}

/** The ids of the states that others stand in for, sorted. */
export function linkedBases(paths: StorePaths, name: string): string[] {
  return (unlessMissing(() => readdirSync(paths.engineLinks(name))) ?? []).filter(isStateId).sort();
}

/**
 * A lock with directories in the place of components; undefined where it has none of them.
 * @param lock of a state that is not linked itself
 */
export function linkedLock(lock: EngineLock, links: Links): EngineLock | undefined {
  const found = Object.entries(links).filter(([name]) => findComponent(lock, name) !== undefined);
  if (found.length === 0) return undefined;
  const replaced = found.reduce(
    (changed, [name, path]) =>
      replaceComponent<LockedSource, EngineLock>(changed, name, { kind: 'directory', path }),
    lock,
  );
  return { ...replaced, linked: { base: lockId(lock), sources: found.map(([name]) => name).sort() } };
}

/**
 * Lets a state stand in for another. The caller has the engine's lock.
 * @throws NodeJS.ErrnoException
 */
export function setLink(paths: StorePaths, name: string, base: string, id: string, staging: string): void {
  replaceLink(paths.engineLink(name, base), `../${id}`, staging);
}

/**
 * Lets a state stand for itself again. The caller has the engine's lock.
 * @throws NodeJS.ErrnoException
 */
export function removeLink(paths: StorePaths, name: string, base: string): void {
  rmSync(paths.engineLink(name, base), { force: true });
  removeIfEmpty(paths, name);
}

function removeIfEmpty(paths: StorePaths, name: string): void {
  if (linkedBases(paths, name).length > 0) return;
  try {
    rmdirSync(paths.engineLinks(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Removes the links of states that are not there any more, and what a killed {@link removeLink} left. */
export function sweepLinks(paths: StorePaths, name: string): void {
  for (const id of linkedBases(paths, name))
    if (!existsSync(paths.engineState(name, id))) removeLink(paths, name, id);
  removeIfEmpty(paths, name);
}

/** The ids of states without which one is of no use: what stands in for it, and what it stands in for. */
export function statesWith(paths: StorePaths, name: string, id: string): string[] {
  const base = readEngineFile(`${paths.engineState(name, id)}/engine.json`)?.linked?.base;
  return [base, linkedId(paths, name, id)].filter((other) => other !== undefined);
}
