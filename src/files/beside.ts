import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { replaceFile } from './atomic.js';
import { isAlive, type Owner, ownedName, parseOwnedName } from './owner.js';

/**
 * Replaces a file in one step, by way of a hidden one in the same directory, which may be anybody's. What killed processes left of
 * theirs is removed first.
 * @throws NodeJS.ErrnoException
 */
export function replaceFileBeside(
  path: string,
  bytes: Uint8Array | string,
  owner: Owner,
  mode = 0o644,
): void {
  const directory = dirname(path);
  const prefix = `.${basename(path)}.engineshed-new-`;
  for (const name of readdirSync(directory)) {
    const other = name.startsWith(prefix) ? parseOwnedName(name.slice(prefix.length)) : undefined;
    if (other === undefined || other.place !== owner.place) continue;
    const left = `${directory}/${name}`;
    if (!isAlive(other, left, Date.now)) rmSync(left, { force: true });
  }
  replaceFile(path, bytes, `${directory}/${prefix}${ownedName(owner)}`, mode);
}
