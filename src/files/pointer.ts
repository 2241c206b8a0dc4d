import { lstatSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { onWindows } from './system.js';

/** The most bytes of a pointer that is a file: no path of Windows has more characters than 32,767. */
const maxFileBytes = 128 * 1024;

/**
 * Makes a pointer: a symbolic link; on Windows, where not everybody may make one and none takes another's place in one step, a text
 * file whose one line is the target.
 * @throws NodeJS.ErrnoException, `EEXIST` where something is at `path`
 */
export function makePointer(target: string, path: string): void {
  if (onWindows) writeFileSync(path, `${target}\n`, { flag: 'wx' });
  else symlinkSync(target, path);
}

/**
 * The target of a pointer, as it was given.
 * @throws NodeJS.ErrnoException, `EINVAL` where something else is at `path`
 */
export function readPointer(path: string): string {
  if (!onWindows) return readlinkSync(path);
  if (!isTextFile(path))
    throw Object.assign(new Error(`EINVAL: ${path} is no pointer`), { code: 'EINVAL', path });
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}

/** What is at a path: `pointer`, `other`, or `nothing`. On Windows every file is taken for one. */
export function pointerAt(path: string): 'pointer' | 'other' | 'nothing' {
  const standing = lstatSync(path, { throwIfNoEntry: false });
  if (standing === undefined) return 'nothing';
  return (onWindows ? standing.isFile() : standing.isSymbolicLink()) ? 'pointer' : 'other';
}

/**
 * A path by which what a pointer leads to can be opened: its own, where the system follows it.
 * @param path of the pointer; where none is, the path is given back
 * @throws NodeJS.ErrnoException
 */
export function followPointer(path: string): string {
  return onWindows && pointerAt(path) === 'pointer' ? `${dirname(path)}/${readPointer(path)}` : path;
}

function isTextFile(path: string): boolean {
  const standing = lstatSync(path);
  return standing.isFile() && standing.size <= maxFileBytes;
}
