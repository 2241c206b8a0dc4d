import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { fromNamedPath, temporaryPlace } from '../errors/index.js';
import { isAlive, type Owner, ownedName, parseOwnedName } from '../files/index.js';
import { removeTree } from '../layer/index.js';

/**
 * Runs `work` with a new directory of its own, which is gone afterwards. What killed processes of this user and machine left of the
 * same purpose is removed first.
 * @param temporary a directory that others may use too, such as `/tmp`
 * @throws EngineshedError `DISK_FULL`, `FILE_PERMISSION`, `PATH_NOT_FOUND`, and what `work` throws
 */
export async function withTemporaryDirectory<T>(
  temporary: string,
  purpose: 'publish' | 'release',
  owner: Owner,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const prefix = `engineshed-${purpose}-`;
  const directory = `${temporary}/${prefix}${ownedName(owner)}`;
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    throw fromNamedPath(temporaryPlace(temporary), error);
  }
  try {
    await sweep(temporary, prefix, directory, owner);
    return await work(directory);
  } finally {
    await removeTree(directory);
  }
}

/** Whose directory it is decides: in a shared directory anybody can choose names, but not the owner. */
async function sweep(temporary: string, prefix: string, own: string, self: Owner): Promise<void> {
  const { uid } = lstatSync(own);
  for (const name of readdirSync(temporary)) {
    const owner = name.startsWith(prefix) ? parseOwnedName(name.slice(prefix.length)) : undefined;
    if (owner === undefined || owner.place !== self.place) continue;
    const path = `${temporary}/${name}`;
    const left = lstatSync(path, { throwIfNoEntry: false });
    if (left?.uid !== uid || !left.isDirectory() || isAlive(owner, path, Date.now)) continue;
    // What cannot be removed now stays for the next time.
    await removeTree(path).catch(() => {});
  }
}
