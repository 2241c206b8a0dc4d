import { readFileSync } from 'node:fs';
import { type EngineLock, lockId, parseLock } from '../engine/index.js';
import { EngineshedError } from '../errors/index.js';
import type { StorePaths } from './paths.js';
import type { InstalledEngine } from './record.js';

/**
 * The lock that an installed engine was made from, which has the rules of its environment beside what `engine.json` tells.
 * @throws EngineshedError `STORE_CORRUPT` where it is missing or of another state, or has a directory as a source;
 * `MANIFEST_INVALID`, `JSON_INVALID`
 */
export function readEngineLock(paths: StorePaths, { name, id }: InstalledEngine): EngineLock {
  const path = `${paths.engineState(name, id)}/lock.json`;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw damaged(path, cause);
  }
  const lock = parseLock(bytes, `file ${path}`);
  if (lock.name !== name || lockId(lock) !== id) throw damaged(path);
  return lock;
}

function damaged(path: string, cause?: unknown): EngineshedError {
  return new EngineshedError('STORE_CORRUPT', `The lock ${path} is missing or damaged`, {
    hint: 'Install that engine again.',
    cause,
    details: { path },
  });
}
