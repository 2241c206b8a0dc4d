import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { EngineshedError } from '../errors/index.js';
import { onWindows } from '../files/system.js';
import { fsPath, fsText } from '../tar/names.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import type { TreeStorage } from './tree-storage.js';

const createExclusively =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** A directory on disk that takes the entries of a layer. Throws what the system calls throw. */
export class DiskTree implements TreeStorage {
  readonly #root: string;
  readonly #umask: number;
  #fd = -1;

  /**
   * @param root exists and is empty
   * @throws EngineshedError `FILE_IN_THE_WAY`
   */
  constructor(root: string) {
    if (listDirectory(root).length > 0) {
      throw new EngineshedError(
        'FILE_IN_THE_WAY',
        `A layer is to be written to ${root}, which is not empty`,
        { details: { path: root } },
      );
    }
    this.#root = root;
    this.#umask = effectiveUmask(root);
  }

  list(path: string): ListedEntry[] {
    return listDirectory(fsPath(this.#root, path));
  }

  kindOf(path: string): ListedEntry['kind'] | undefined {
    const stat = lstatSync(fsPath(this.#root, path), { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (stat.isFile()) return 'file';
    if (stat.isDirectory()) return 'directory';
    return stat.isSymbolicLink() ? 'symlink' : 'other';
  }

  createFile(path: string, mode: number): void {
    const fd = openSync(fsPath(this.#root, path), createExclusively, mode);
    this.#fd = fd;
    if ((mode & this.#umask) === 0) return;
    try {
      fchmodSync(fd, mode);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  write(chunk: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) at += writeSync(this.#fd, chunk, at, end - at);
  }

  closeFile(): void {
    closeSync(this.#fd);
  }

  makeDirectory(path: string): void {
    mkdirSync(fsPath(this.#root, path), 0o700);
  }

  setMode(path: string, mode: number): void {
    chmodSync(fsPath(this.#root, path), mode);
  }

  symlink(path: string, target: string): void {
    symlinkSync(fsText(target), fsPath(this.#root, path));
  }

  link(path: string, target: string): void {
    linkSync(fsPath(this.#root, target), fsPath(this.#root, path));
  }
}

/** The bits that a new file loses here: the umask, or what default access lists make of it. */
function effectiveUmask(root: string): number {
  // A file that may not be written is all that Windows keeps of a mode, and it is so from the start.
  if (onWindows) return 0;
  const probe = `${root}/.mode-probe`;
  mkdirSync(probe, 0o777);
  const mode = lstatSync(probe).mode;
  rmdirSync(probe);
  return 0o777 & ~mode;
}
