import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { makeOwnDirectory } from './directory.js';
import type { StorePaths } from './paths.js';
import type { Store } from './store.js';

/**
 * How many files are kept. A collection that uninstalls an engine has nine things of its own at a time: two for each of the locks of the store, the
 * selection and the engine or the history, its staging directory, a file in it, and a generation.
 */
const names = Array.from({ length: 12 }, (_, at) => String(at));
/** A block of most file systems, in bytes. */
const fileBytes = 4096;

/**
 * Keeps room for the next {@link withReserve}, as files: each holds an inode and a block, of which a file system can run out. Where there is no
 * room for them they are not kept.
 */
export function keepReserve(paths: StorePaths): void {
  try {
    makeOwnDirectory(paths.reserve);
    const kept = new Set(readdirSync(paths.reserve));
    for (const name of names) if (!kept.has(name)) keepFile(paths, name);
  } catch {
    // Whoever finds the disk full has what was kept so far.
  }
}

/**
 * Runs `work`, which frees space, with the room that the store keeps for it: locks and staging need some before anything is free. A store that
 * kept none, and whose disk is full, gives its cache.
 * @throws what `work` throws
 */
export async function withReserve<T>({ paths }: Store, work: () => Promise<T>): Promise<T> {
  if (!existsSync(paths.version)) return work();
  giveReserve(paths);
  try {
    return await work();
  } finally {
    keepReserve(paths);
  }
}

function giveReserve(paths: StorePaths): void {
  try {
    makeOwnDirectory(paths.reserve);
    const kept = readdirSync(paths.reserve);
    for (const name of kept) rmSync(`${paths.reserve}/${name}`, { force: true });
    if (kept.length > 0) return;
    const [name = ''] = names;
    keepFile(paths, name);
    rmSync(`${paths.reserve}/${name}`, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      rmSync(paths.cache, { recursive: true, force: true });
  }
}

function keepFile({ reserve }: StorePaths, name: string): void {
  writeFileSync(`${reserve}/${name}`, Buffer.alloc(fileBytes), { flag: 'wx', mode: 0o600 });
}
