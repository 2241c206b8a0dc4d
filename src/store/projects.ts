import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { type LockHead, lockHeadBytes, parseLockHead } from '../engine/lock-head.js';
import { EngineshedError, fromSystemError, isEngineshedError } from '../errors/index.js';
import { replaceFile, uniqueSuffix } from '../files/index.js';
import { FaultList } from './faults.js';
import { isAbsence, unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';

/** A project that needs a state of an engine. */
export interface ProjectRecord extends LockHead {
  /** The absolute path of its lock, which names the state. */
  readonly lock: string;
  /** Since when a collection finds no such lock, RFC 3339. */
  readonly missing?: string;
}

/** How long a state is kept for a lock that cannot be read, in milliseconds: a disk may be away, a file in the middle of a merge. */
export const missingMs = 30 * 24 * 60 * 60 * 1000;

/** What helps where the record of a project is damaged: nobody else knows which project it was. */
export const damagedProjectHint = 'Remove that file, and run "engineshed install" in the project again.';

/** What a collection finds of the projects. */
export interface FoundProjects {
  /** The states that they need. */
  readonly needed: readonly LockHead[];
  /** The records as they are to be from now on; without those that are given up. */
  readonly records: readonly ProjectRecord[];
  /** The locks that were not found for too long. */
  readonly forgotten: readonly string[];
}

/**
 * Remembers that a project's lock names a state.
 * @param staging a directory on the store's file system
 * @throws NodeJS.ErrnoException
 */
export function rememberProject(paths: StorePaths, record: ProjectRecord, staging: string): void {
  const text = `${JSON.stringify(record)}\n`;
  const path = paths.project(record.lock);
  if (unlessMissing(() => readFileSync(path, 'utf8')) === text) return;
  replaceFile(path, text, `${staging}/project-${uniqueSuffix()}`);
}

/** Tells whether the store remembers just this of a project. */
export function isRemembered(paths: StorePaths, { lock, engine, id }: ProjectRecord): boolean {
  const text = unlessMissing(() => readFileSync(paths.project(lock), 'utf8'));
  return text === `${JSON.stringify({ lock, engine, id })}\n`;
}

/**
 * Looks what the locks of the projects name now. What a lock that cannot be read named last is needed for {@link missingMs} after
 * a collection first missed it.
 * @throws EngineshedError `STORE_CORRUPT` for a record that is damaged: what it needs is not known
 */
export function findProjects(paths: StorePaths, now: Date): FoundProjects {
  const found = recordNames(paths).map((name) => {
    const { lock, engine, id, missing } = readRecord(`${paths.projects}/${name}`);
    const head = readHead(lock);
    if (head !== undefined) return { lock, ...head };
    return { lock, engine, id, missing: missing ?? now.toISOString() };
  });
  const isOver = ({ missing }: ProjectRecord) =>
    missing !== undefined && now.getTime() - Date.parse(missing) > missingMs;
  const records = found.filter((record) => !isOver(record));
  return { needed: records, records, forgotten: found.filter(isOver).map(({ lock }) => lock) };
}

/**
 * Checks the records of projects: that each can be read, and stands where it belongs. What their locks name may not be installed.
 * @throws EngineshedError `FILE_PERMISSION`; NodeJS.ErrnoException
 */
export function checkProjects(paths: StorePaths): FaultList[] {
  return recordNames(paths).map((name) => {
    const faults = new FaultList('project', name, new Set(), `projects/${name}`);
    const path = `${paths.projects}/${name}`;
    try {
      if (paths.project(readRecord(path).lock) !== path) faults.add('', { fault: 'content' });
    } catch (error) {
      if (!isEngineshedError(error, 'STORE_CORRUPT')) throw error;
      faults.add('', { fault: 'content' });
    }
    return faults;
  });
}

/**
 * Writes down what was found. The caller has the store for itself.
 * @throws NodeJS.ErrnoException
 */
export function keepProjects(paths: StorePaths, found: FoundProjects): void {
  for (const record of found.records) rememberProject(paths, record, paths.staging);
  for (const lock of found.forgotten) rmSync(paths.project(lock), { force: true });
}

function recordNames(paths: StorePaths): string[] {
  return (unlessMissing(() => readdirSync(paths.projects)) ?? []).filter((name) => name.endsWith('.json'));
}

function readRecord(path: string): ProjectRecord {
  let record: Partial<ProjectRecord> | null;
  try {
    record = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProjectRecord> | null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fromSystemError(error);
    record = null;
  }
  const { lock, engine, id, missing } = record ?? {};
  const areTexts = [lock, engine, id].every((value) => typeof value === 'string');
  if (areTexts && (missing === undefined || !Number.isNaN(Date.parse(missing))))
    return record as ProjectRecord;
  throw new EngineshedError('STORE_CORRUPT', `The record ${path} of a project is damaged`, {
    hint: damagedProjectHint,
    details: { path },
  });
}

/** The head of a lock; undefined where none can be read, for whatever reason. */
function readHead(lock: string): LockHead | undefined {
  let fd: number;
  try {
    // Not a link, and not something that is waited for, which may have come into its place.
    fd = openSync(lock, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isAbsence(error) || isRefusal(error)) return undefined;
    throw fromSystemError(error);
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const buffer = Buffer.alloc(lockHeadBytes);
    const head = parseLockHead(buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)));
    return 'fault' in head ? undefined : head;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw fromSystemError(error);
  } finally {
    closeSync(fd);
  }
}

/** A lock may be on a disk that is broken, or away; that is no reason to collect nothing. */
function isRefusal(error: unknown): boolean {
  return [
    'EACCES',
    'EPERM',
    'EIO',
    'ESTALE',
    'ENXIO',
    'ENODEV',
    'ENOTCONN',
    'EHOSTDOWN',
    'ETIMEDOUT',
    'ENAMETOOLONG',
  ].includes((error as NodeJS.ErrnoException).code ?? '');
}
