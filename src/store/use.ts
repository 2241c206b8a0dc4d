import { closeSync, constants, futimesSync, openSync } from 'node:fs';
import type { StorePaths } from './paths.js';

/**
 * Notes that an engine is used now, for `gc --unused-for`. Where that cannot be written, as in a store that is only readable, nothing
 * is noted.
 */
export function noteUse(paths: StorePaths, name: string, now: Date): void {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  let fd: number | undefined;
  try {
    fd = openSync(paths.engineUsed(name), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
    futimesSync(fd, now, now);
  } catch {
    // It is a hint and nothing depends on it.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
