import { chmodSync, lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { fromSystemError } from '../errors/index.js';
import { fsPath, joinPath } from '../tar/names.js';
import { listDirectory } from './list-directory.js';

/** After so many removals others have their turn. */
const removalsAtOnce = 2000;

/**
 * Deletes a tree, also a read-only one, never following a link: of a link the link goes. What is missing, or goes
 * meanwhile by another's hand, is fine. Modes of files are left alone, for files may be shared by hard links.
 * @throws EngineshedError `FILE_PERMISSION`, `IO_FAILED`
 */
export async function removeTree(path: string): Promise<void> {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) await new Remover(path).directory('');
    else ignoreMissing(() => unlinkSync(path));
  } catch (error) {
    throw fromSystemError(error);
  }
}

class Remover {
  readonly #root: string;
  #removals = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async directory(path: string): Promise<void> {
    const at = fsPath(this.#root, path);
    // Names can be taken out of a directory only with write permission on it; the lister has told that it is no link.
    ignoreMissing(() => chmodSync(at, 0o700));
    for (const { name, kind } of ignoreMissing(() => listDirectory(at)) ?? []) {
      const child = joinPath(path, name);
      if (kind === 'directory') await this.directory(child);
      else ignoreMissing(() => unlinkSync(fsPath(this.#root, child)));
      if (++this.#removals % removalsAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    ignoreMissing(() => rmdirSync(at));
  }
}

function ignoreMissing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
