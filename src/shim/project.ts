import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type LockHead, lockHeadBytes, parseLockHead } from '../engine/lock-head.js';
import { topLine } from '../engine/top-line.js';
import { EngineshedError, fromSystemError } from '../errors/index.js';

/** The name of a project's configuration file, and of the lock beside it. */
const projectFile = 'engineshed.toml';
export const lockFile = 'engineshed.lock';

/** The most bytes of a project's file, as for every catalog. */
const maxFileBytes = 1024 * 1024;

/** Where a project is looked for, and by whom. */
export interface ProjectSearch {
  /** The directory to start from, absolute and without links in it. */
  readonly directory: string;
  /** The number of the user, where the system has such. */
  readonly userId: number | undefined;
}

/** The engine that a project pins. */
export interface Pin {
  /** The absolute path of its `engineshed.toml`. */
  readonly file: string;
  /** The absolute path of the lock beside it, whether it is there or not. */
  readonly lock: string;
  readonly name: string;
}

/**
 * The pin of a project: that of the nearest `engineshed.toml` upward which has a top-level `engine`. Only lines are read, no TOML.
 * @throws EngineshedError `CONFIG_INVALID` for a pin that is not written as `engine = "NAME"`, and for a file that somebody else
 * put into a directory where everybody may write; `FILE_PERMISSION`, `IO_FAILED`
 */
export function findPin(search: ProjectSearch): Pin | undefined {
  for (const file of projectFiles(search.directory)) {
    refusePlanted(file, search.userId);
    const found = topLine(readTop(file), 'engine');
    if (found === undefined) continue;
    if ('name' in found)
      return { file, lock: `${dirname(file).replace(/\/$/, '')}/${lockFile}`, name: found.name };
    throw new EngineshedError('CONFIG_INVALID', `${file}:${found.line}: engine: ${found.fault}`, {
      hint: 'Write it as: engine = "NAME"',
      details: { path: file },
    });
  }
  return undefined;
}

/**
 * The first four lines of a lock, which say what it is for; undefined where there is no such file.
 * @throws EngineshedError `LOCK_INVALID` for a file that does not begin like a lock, and as {@link findPin} does
 */
export function readLockHead(path: string, userId: number | undefined): LockHead | undefined {
  if (!isFile(path)) return undefined;
  refusePlanted(path, userId);
  const head = parseLockHead(readHead(path, lockHeadBytes));
  if ('fault' in head)
    throw new EngineshedError('LOCK_INVALID', `The lock ${path} ${head.fault}`, {
      hint: head.hint,
      details: { path },
    });
  return head;
}

/**
 * The files `engineshed.toml` from a directory upward, the nearest first.
 * @param directory absolute
 * @throws EngineshedError `IO_FAILED`
 */
export function* projectFiles(directory: string): Generator<string> {
  for (let at = directory; ; at = dirname(at)) {
    const file = `${at.replace(/\/$/, '')}/${projectFile}`;
    if (isFile(file)) yield file;
    if (dirname(at) === at) return;
  }
}

/**
 * Refuses a file of somebody else's in a directory where everybody may write, such as `/tmp`: it is not the project's.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export function refusePlanted(path: string, userId: number | undefined): void {
  const owner = statSync(path, { throwIfNoEntry: false })?.uid;
  const isOpenToAll = (statSync(dirname(path)).mode & 0o002) !== 0;
  if (!isOpenToAll || userId === undefined || owner === userId || owner === 0) return;
  throw new EngineshedError(
    'CONFIG_INVALID',
    `${path} belongs to another user, in a directory where everybody may write`,
    {
      hint: 'Work in a directory of your own, or remove that file.',
      details: { path },
    },
  );
}

/** The text of a configuration file that is read line by line, as far as it can be one: 1 MiB. */
export function readTop(path: string): string {
  return readHead(path, maxFileBytes);
}

/**
 * Whether a file is there. A directory that may not be looked into has none for us.
 * @throws EngineshedError `IO_FAILED` where nobody can tell
 */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['EACCES', 'EPERM', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(code)) return false;
    throw fromSystemError(error);
  }
}

/** The beginning of a file: what is huge is not read to its end. */
function readHead(path: string, bytes: number): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(Math.min(bytes, fstatSync(fd).size));
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fromSystemError(error);
  }
}
