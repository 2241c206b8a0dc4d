import { readFileSync } from 'node:fs';
import { type EngineLock, lockId, parseLock } from '../engine/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import { writeNewFile } from '../files/index.js';
import { canonicalJson, digestOf } from '../oci/index.js';
import { isAbsence } from './missing.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import type { InstalledEngine } from './record.js';

/**
 * The lock that an installed engine was made from, which has the rules of its environment beside what `engine.json` tells.
 * @throws EngineshedError `STORE_CORRUPT` where it is missing or of another state, or has a directory as a source;
 * `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function readEngineLock(paths: StorePaths, { name, id }: InstalledEngine): EngineLock {
  const path = `${paths.engineState(name, id)}/lock.json`;
  const bytes = readBytes(path, name);
  const lock = parseLock(bytes, `file ${path}`);
  if (lock.name !== name || lockId(lock) !== id) throw damaged(path);
  if (sumOf(paths.engineState(name, id), bytes) === 'other') throw damaged(path);
  return lock;
}

/**
 * The lock that an installed engine was made from, with its directories: of this machine, and for it.
 * @throws EngineshedError `STORE_CORRUPT` where it is missing or damaged, `IO_FAILED`, `FILE_PERMISSION`
 */
export function installedLock(paths: StorePaths, { name, id }: InstalledEngine): EngineLock {
  const home = paths.engineState(name, id);
  const path = `${home}/lock.json`;
  const bytes = readBytes(path, name);
  const read = orNothing(() => stateLock(home, name, id, bytes));
  if (read?.sum === 'right') return read.lock;
  throw damaged(path);
}

/** That a disk fails does not mean that the lock is damaged. */
function readBytes(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw isAbsence(cause) ? damaged(path, cause) : inOperation(`Reading the lock of ${name}`, cause);
  }
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
