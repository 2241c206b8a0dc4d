import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { type EngineLock, maxLockBytes, parseProjectLock } from '../engine/index.js';
import { EngineshedError, fromSystemError, inOperation } from '../errors/index.js';
import { ownerOf, replaceFileBeside } from '../files/index.js';
import { refusePlanted } from '../shim/index.js';
import type { Host } from './host.js';

/**
 * Reads the lock of a project; undefined where there is none.
 * @param path absolute
 * @throws EngineshedError `LOCK_INVALID`, `FILE_IN_THE_WAY` for what is no file, `CONFIG_INVALID` for a file that somebody else put
 *   into a directory where everybody may write, `FILE_PERMISSION`, `IO_FAILED`
 */
export function readLock(host: Host, path: string): EngineLock | undefined {
  if (!isLockFile(path)) return undefined;
  refusePlanted(path, host.userId);
  return parseProjectLock(readBytes(path), path);
}

/**
 * Writes the lock of a project, in one step and durably, unless it is the same already; tells whether it did.
 * @throws EngineshedError `FILE_IN_THE_WAY`, `FILE_PERMISSION`, `DISK_FULL`, `IO_FAILED`
 */
export function writeLock(host: Host, path: string, text: string): boolean {
  try {
    if (isLockFile(path) && readBytes(path).toString('utf8') === text) return false;
    replaceFileBeside(path, text, ownerOf(host.pid));
    return true;
  } catch (error) {
    throw inOperation(`Writing ${path}`, error);
  }
}

/** A link is not followed, for a checkout may have it lead anywhere; nor is anything written over it. */
function isLockFile(path: string): boolean {
  const standing = lstatSync(path, { throwIfNoEntry: false });
  if (standing === undefined) return false;
  if (standing.isFile()) return true;
  const what = standing.isSymbolicLink() ? 'a symbolic link' : 'no file';
  throw new EngineshedError('FILE_IN_THE_WAY', `The lock ${path} is ${what}`, {
    hint: 'Put a file there, or remove it and run: engineshed lock',
    details: { path },
  });
}

/** At most one byte more than a lock may have. */
function readBytes(path: string): Buffer {
  try {
    const fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, maxLockBytes) + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < buffer.length; length += read)
        read = readSync(fd, buffer, length, buffer.length - length, null);
      return buffer.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fromSystemError(error);
  }
}
