import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { StorePaths } from './paths.js';

/** What was not written for so long is removed by the next that writes: 30 days, in milliseconds. */
const keptMs = 30 * 24 * 60 * 60 * 1000;
/** The longest entry that is read, in bytes. */
const maxEntryBytes = 4 * 1024 * 1024;

/** Something that was remembered. Whoever reads it checks its shape: a cache is anybody's file of this user. */
export interface Remembered {
  readonly value: unknown;
  /** Since when, in milliseconds. */
  readonly ageMs: number;
}

/**
 * What was remembered under a key; undefined where nothing was, or it cannot be read. Nothing that is true or false hangs on a cache: it
 * may be deleted at any time, and only makes things faster.
 */
export function recall(paths: StorePaths, key: string, now: Date): Remembered | undefined {
  let fd: number | undefined;
  try {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const path = entryOf(paths, key);
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const { size, mtimeMs } = statSync(path);
    if (size > maxEntryBytes) return undefined;
    const entry = JSON.parse(readFileSync(fd, 'utf8')) as { key?: unknown; value?: unknown };
    return entry.key === key ? { value: entry.value, ageMs: now.getTime() - mtimeMs } : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Remembers something. Where that cannot be written, or there is no store yet, it is not remembered. */
export function remember(paths: StorePaths, key: string, value: unknown, now: Date): void {
  try {
    statSync(paths.version);
    mkdirSync(paths.cache, { recursive: true, mode: 0o700 });
    sweep(paths, now);
    const path = entryOf(paths, key);
    const temporary = `${path}.${randomBytes(8).toString('hex')}`;
    writeFileSync(temporary, JSON.stringify({ key, value }), { flag: 'wx', mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    // Nothing depends on it.
  }
}

function sweep(paths: StorePaths, now: Date): void {
  for (const name of readdirSync(paths.cache)) {
    const path = `${paths.cache}/${name}`;
    if (now.getTime() - statSync(path).mtimeMs > keptMs) rmSync(path, { force: true });
  }
}

function entryOf(paths: StorePaths, key: string): string {
  return `${paths.cache}/${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}
