import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePointer } from './pointer.js';
import { onWindows } from './system.js';

/** A file-name suffix that no other process uses. */
export function uniqueSuffix(): string {
  return randomBytes(8).toString('hex');
}

/**
 * Writes a new file completely and durably: the bytes are on the disk before this returns.
 * @throws NodeJS.ErrnoException, `EEXIST` where the file exists
 */
export function writeNewFile(path: string, bytes: Uint8Array | string, mode = 0o644): void {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const fd = openSync(path, 'wx', mode);
  try {
    for (let at = 0; at < data.byteLength; ) at += writeSync(fd, data, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file in one step: a reader sees the old bytes or the new ones, also after a crash.
 * @param temporary a path on the same file system for the new file until it is complete; nothing is there
 * @throws NodeJS.ErrnoException
 */
export function replaceFile(path: string, bytes: Uint8Array | string, temporary: string, mode = 0o644): void {
  try {
    writeNewFile(temporary, bytes, mode);
    moveOver(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * Lets a pointer lead elsewhere in one step: whoever follows it meets the old target or the new one.
 * @param staging a directory on the same file system for the new link until it is moved
 * @throws NodeJS.ErrnoException, `EISDIR` or `ENOTEMPTY` where a directory stands at `path`
 */
export function replaceLink(path: string, target: string, staging: string): void {
  const temporary = `${staging}/link-${uniqueSuffix()}`;
  try {
    makePointer(target, temporary);
    moveOver(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes the names in a directory durable. Where the system cannot do that for a directory, it is left out. */
export function syncDirectory(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'EBADF' && code !== 'EISDIR') throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Moves a finished directory to its place. Where a directory is there already, somebody else made the same one: it stays.
 * @returns whether this call put it there
 * @throws NodeJS.ErrnoException
 */
export function publishDirectory(from: string, to: string): 'moved' | 'exists' {
  try {
    renameSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return 'exists';
    // Windows says no more than that it may not be done.
    if (onWindows && code === 'EPERM' && isDirectory(to)) return 'exists';
    throw error;
  }
  syncDirectory(dirname(to));
  return 'moved';
}

/** Moves a file to where another may be. On Windows it waits for those who just read that one, up to two seconds. */
function moveOver(from: string, to: string): void {
  for (let tries = 0; ; tries++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const isHeld = onWindows && ['EPERM', 'EACCES', 'EBUSY'].includes(code) && !isDirectory(to);
      if (!isHeld || tries === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
