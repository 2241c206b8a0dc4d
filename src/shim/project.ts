import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isStateId, nameFault } from '../engine/names.js';
import { topLine } from '../engine/top-line.js';
import { EngineshedError, fromSystemError } from '../errors/index.js';

/** The name of a project's configuration file, and of the lock beside it. */
export const projectFile = 'engineshed.toml';
export const lockFile = 'engineshed.lock';

/** The version of `engineshed.lock` that is read. */
const lockVersion = 1;
/** More bytes than the first four lines of a lock can have. */
const headBytes = 1024;
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

/** What the first lines of a lock tell. */
export interface LockHead {
  readonly engine: string;
  /** The id of the one state that the lock stands for. */
  readonly id: string;
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
 * @throws EngineshedError `CONFIG_INVALID` for a file that does not begin like a lock, and as {@link findPin} does
 */
export function readLockHead(path: string, userId: number | undefined): LockHead | undefined {
  if (!isFile(path)) return undefined;
  refusePlanted(path, userId);
  const lines = readHead(path, headBytes)
    .split('\n', 4)
    .map((line) => line.replace(/\r$/, ''));
  const version = /^ {2}"version": (\d{1,9}),$/.exec(lines[1] ?? '')?.[1];
  const engine = /^ {2}"engine": "([^"]+)",$/.exec(lines[2] ?? '')?.[1];
  const id = /^ {2}"id": "([^"]+)",$/.exec(lines[3] ?? '')?.[1];
  if (lines[0] === '{' && version !== undefined && Number(version) !== lockVersion)
    throw badLock(
      path,
      `has version ${version}, and this Engineshed reads ${lockVersion}`,
      'Update Engineshed.',
    );
  if (lines[0] !== '{' || version === undefined || engine === undefined || id === undefined)
    throw badLock(path, 'does not begin like a lock', 'Make it anew with: engineshed lock');
  if (nameFault(engine) !== undefined || !isStateId(id))
    throw badLock(path, 'names no engine', 'Make it anew with: engineshed lock');
  return { engine, id };
}

/**
 * The files `engineshed.toml` from a directory upward, the nearest first.
 * @param directory absolute
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

/** Whether a file is there. A directory that may not be looked into has none for us. */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
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

function badLock(path: string, fault: string, hint: string): EngineshedError {
  return new EngineshedError('CONFIG_INVALID', `The lock ${path} ${fault}`, { hint, details: { path } });
}
