import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromNamedPath } from '../errors/index.js';
import { parsePublicKey, type TrustedKey } from '../trust/index.js';
import type { Host } from './host.js';

/**
 * Reads the public keys that a command line names.
 * @throws EngineshedError `KEY_INVALID`, `PATH_NOT_FOUND`
 */
export function readPublicKeys(host: Host, paths: readonly string[]): TrustedKey[] {
  return paths.map((path) => parsePublicKey(readKeyFile(resolve(host.directory, path)), path));
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fromNamedPath({ what: 'file', path, purpose: 'with a public key' }, error);
  }
}
