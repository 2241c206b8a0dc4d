import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { pointerAt, syncDirectory } from '../files/index.js';
import { unlessMissing } from './missing.js';

/**
 * Makes a directory of the store where there is none, durably. A link that somebody planted in its place is not followed.
 * @throws EngineshedError `FILE_IN_THE_WAY`; NodeJS.ErrnoException
 */
export function makeOwnDirectory(path: string): void {
  if (standsAsDirectory(path)) return;
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    // Another process may just have made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !standsAsDirectory(path)) throw error;
    return;
  }
  syncDirectory(dirname(path));
}

/**
 * Tells whether a directory of the store is there; false where nothing is.
 * @throws EngineshedError `FILE_IN_THE_WAY` where a link or a file stands in its place
 */
export function standsAsDirectory(path: string): boolean {
  const standing = lstatSync(path, { throwIfNoEntry: false });
  if (standing === undefined) return false;
  if (standing.isDirectory()) return true;
  throw inTheWay(path, 'is not a directory');
}

/**
 * The names in a directory of the store; none where there is no such directory.
 * @throws EngineshedError `IO_FAILED`, `FILE_PERMISSION`: a directory that cannot be read is not an empty one
 */
export function entriesOf(path: string): string[] {
  return unlessMissing(() => readdirSync(path)) ?? [];
}

/** The error for something at `path` that Engineshed did not make and does not touch. */
export function inTheWay(path: string, fault: string): EngineshedError {
  return new EngineshedError('FILE_IN_THE_WAY', `${path} ${fault}`, {
    hint: 'Engineshed made no such thing. Move it away and try again.',
    details: { path },
  });
}

/** Tells whether something other than a pointer is at a path where Engineshed replaces pointers. */
export function isNoLink(path: string): boolean {
  return pointerAt(path) === 'other';
}
