import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './atomic.js';

/**
 * Makes a directory, and those above it that are missing. Node's own `recursive` never returns where a parent exists and lets
 * nothing be made in it as if it were not there, as `/proc` does.
 * @param path absolute
 * @param mode of all that are made, less the umask
 * @returns those that this call made, the uppermost first
 * @throws NodeJS.ErrnoException
 */
export function makeDirectories(path: string, mode = 0o777): string[] {
  if (isDirectory(path)) return [];
  const parent = dirname(path);
  const made = parent === path ? [] : makeDirectories(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Another process may just have made it, and may have taken it away again since.
    const standing = lstatSync(path, { throwIfNoEntry: false });
    if (standing === undefined) return [...made, ...makeDirectories(path, mode)];
    if (!standing.isDirectory() && !isDirectory(path)) throw error;
    return made;
  }
  return [...made, path];
}

/**
 * The same, with the names of all that are made on the disk before this returns.
 * @throws NodeJS.ErrnoException
 */
export function makeDurableDirectories(path: string, mode = 0o777): void {
  for (const made of makeDirectories(path, mode)) syncDirectory(dirname(made));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
