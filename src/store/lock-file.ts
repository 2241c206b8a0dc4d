import { existsSync, readFileSync } from 'node:fs';
import { type EngineLock, formatNamedEngine, lockId, parseLock } from '../engine/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../errors/index.js';
import { writeNewFile } from '../files/index.js';
import { canonicalJson, digestOf } from '../oci/index.js';
import { isAbsence } from './missing.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import type { InstalledEngine } from './record.js';

/**
 * The lock that an installed engine was made from, which has the rules of its environment beside what `engine.json` tells.
 * @throws EngineshedError `STORE_CORRUPT` where it is missing or of another state, or has a directory as a source;
 * `ENGINE_NOT_INSTALLED` where another process removed the state meanwhile; `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function readEngineLock(paths: StorePaths, { name, id }: InstalledEngine): EngineLock {
  const path = `${paths.engineState(name, id)}/lock.json`;
  const bytes = readBytes(paths, { name, id });
  const lock = parseLock(bytes, `file ${path}`);
  if (lock.name !== name || lockId(lock) !== id) throw damaged(path);
  if (sumOf(paths.engineState(name, id), bytes) === 'other') throw damaged(path);
  return lock;
}

/**
 * The lock that an installed engine was made from, with its directories: of this machine, and for it.
 * @throws EngineshedError `STORE_CORRUPT` where it is missing or damaged, `ENGINE_NOT_INSTALLED` where another process removed the state
 * meanwhile, `IO_FAILED`, `FILE_PERMISSION`
 */
export function installedLock(paths: StorePaths, { name, id }: InstalledEngine): EngineLock {
  const home = paths.engineState(name, id);
  const bytes = readBytes(paths, { name, id });
  const read = orNothing(() => stateLock(home, name, id, bytes));
  if (read?.sum === 'right') return read.lock;
  throw damaged(`${home}/lock.json`);
}

/** How often a state may be replaced by another process while it is read. */
const replacements = 5;

/**
 * Reads what names of engines stand for, and reads it again where another process replaced a state between two steps of it.
 * @throws EngineshedError what `read` throws
 */
export function steadily<T>(read: () => T): T {
  for (let tries = 0; tries < replacements; tries++) {
    try {
      return read();
    } catch (error) {
      if (!isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) throw error;
    }
  }
  return read();
}

/** That a disk fails, or that another process removes the state, does not mean that the lock is damaged. */
function readBytes(paths: StorePaths, { name, id }: NamedState): Buffer {
  const home = paths.engineState(name, id);
  const path = `${home}/lock.json`;
  try {
    return readFileSync(path);
  } catch (cause) {
    if (!isAbsence(cause)) throw inOperation(`Reading the lock of ${name}`, cause);
    throw existsSync(home) ? damaged(path, cause) : removedMeanwhile({ name, id }, cause);
  }
}

type NamedState = Pick<InstalledEngine, 'name' | 'id'>;

function removedMeanwhile(state: NamedState, cause: unknown): EngineshedError {
  const message = `The state ${formatNamedEngine(state)} is not installed: another process removed it meanwhile`;
  return new EngineshedError('ENGINE_NOT_INSTALLED', message, { hint: 'Give the command again.', cause });
}

/**
 * Writes the lock of a state, with a digest beside it: the id of a state covers what decides it, and not where that came from.
 * @throws NodeJS.ErrnoException
 */
export function writeStateLock(home: string, lock: EngineLock): void {
  const text = canonicalJson(lock);
  writeNewFile(`${home}/lock.json`, text);
  writeNewFile(`${home}/.lock-sum`, digestOf(text));
}

/** The lock of a state, and whether it has the digest that was written with it. */
export interface StateLock {
  readonly lock: EngineLock;
  readonly sum: 'right' | 'other';
}

/** Reads the lock of a state; undefined where there is none that is of this state. */
export function readStateLock(home: string, name: string, id: string): StateLock | undefined {
  return orNothing(() => stateLock(home, name, id, readFileSync(`${home}/lock.json`)));
}

function stateLock(home: string, name: string, id: string, bytes: Buffer): StateLock | undefined {
  const lock = JSON.parse(bytes.toString('utf8')) as EngineLock;
  return lock.name === name && lockId(lock) === id ? { lock, sum: sumOf(home, bytes) } : undefined;
}

/** States of early stores have no digest of their lock. */
function sumOf(home: string, bytes: Buffer): StateLock['sum'] {
  const sum = orNothing(() => readFileSync(`${home}/.lock-sum`, 'utf8'));
  return sum === undefined || sum === digestOf(bytes) ? 'right' : 'other';
}

function damaged(path: string, cause?: unknown): EngineshedError {
  return new EngineshedError('STORE_CORRUPT', `The lock ${path} is missing or damaged`, {
    hint: 'Install that engine again.',
    cause,
    details: { path },
  });
}
