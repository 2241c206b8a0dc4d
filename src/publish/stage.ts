import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { createLayout, type Layout } from '../content/index.js';
import { fromSystemError } from '../errors/index.js';
import { isAlive, type Owner, ownedName, parseOwnedName } from '../files/index.js';
import { removeTree } from '../layer/index.js';

const prefix = 'engineshed-publish-';

/**
 * Runs `work` with an image layout of its own, which is gone afterwards. What killed processes of this user and machine left
 * is removed first.
 * @param temporary a directory that others may use too, such as `/tmp`; it must have room for the compressed content
 * @throws EngineshedError `DISK_FULL`, `FILE_PERMISSION`, `PATH_NOT_FOUND`, and what `work` throws
 */
export async function withStage<T>(
  temporary: string,
  owner: Owner,
  work: (stage: Layout) => Promise<T>,
): Promise<T> {
  const stage = `${temporary}/${prefix}${ownedName(owner)}`;
  try {
    mkdirSync(stage, { mode: 0o700 });
  } catch (error) {
    throw fromSystemError(error);
  }
  try {
    await sweep(temporary, stage, owner);
    return await work(createLayout(stage, owner));
  } finally {
    await removeTree(stage);
  }
}

/** Whose directory it is decides: in a shared directory anybody can choose names, but not the owner. */
async function sweep(temporary: string, stage: string, self: Owner): Promise<void> {
  const { uid } = lstatSync(stage);
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
