import { closeSync, lstatSync, openSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { linksOf, refuseGone } from './linked.js';
import type { InstalledEngine } from './record.js';

/**
 * A mark beside the directory of a layer or a tree says that `verify` found it damaged. It stays until a later check finds the directory
 * whole, or until it is made anew.
 */
export function markOf(directory: string): string {
  return `${dirname(directory)}/.damaged-${basename(directory)}`;
}

/** Whether a directory of files is known to be damaged. */
export function isMarked(directory: string): boolean {
  return lstatSync(markOf(directory), { throwIfNoEntry: false }) !== undefined;
}

/**
 * Notes that a directory of files is damaged.
 * @throws NodeJS.ErrnoException
 */
export function mark(directory: string): void {
  closeSync(openSync(markOf(directory), 'a', 0o644));
}

/**
 * Notes that a directory of files is whole.
 * @throws NodeJS.ErrnoException
 */
export function unmark(directory: string): void {
  rmSync(markOf(directory), { force: true });
}

/**
 * Refuses an engine that has a source which is not there, or is known to be damaged: nothing is to run from half an engine.
 * @throws EngineshedError `STORE_CORRUPT`; `PATH_NOT_FOUND` for a working copy that is linked
 */
export function refuseDamaged(engine: InstalledEngine): void {
  const { name, sources } = engine;
  if (engine.linked !== undefined) refuseGone(name, linksOf(engine));
  for (const [source, { kind, directory }] of Object.entries(sources)) {
    const isThere = lstatSync(directory, { throwIfNoEntry: false }) !== undefined;
    if (isThere && (kind === 'directory' || !isMarked(directory))) continue;
    const fault = isThere ? 'damaged' : 'missing';
    throw new EngineshedError('STORE_CORRUPT', `The source ${source} of the engine ${name} is ${fault}`, {
      hint:
        kind === 'directory'
          ? `Put ${directory} back, or install another one: engineshed install ${name}`
          : `Repair it with: engineshed verify ${name} --repair`,
      details: { path: directory },
    });
  }
}
