import type { ListedEntry } from './list-directory.js';

/**
 * Where a `TreeWriter` puts the entries of a layer. Paths are checked, relative, with `/`; the root is the empty string. What
 * makes something fails with `EEXIST` where its name is taken, and never goes through a link.
 */
export interface TreeStorage {
  /** What stands in a directory. */
  list(path: string): readonly ListedEntry[];
  /** What stands at a path, links not followed; undefined where there is nothing. */
  kindOf(path: string): ListedEntry['kind'] | undefined;
  /** Makes a file with exactly this mode, and opens it for {@link TreeStorage.write}. One is open at a time. */
  createFile(path: string, mode: number): void;
  /** Appends to the open file. */
  write(chunk: Buffer, start: number, end: number): void;
  /** Closes the open file. */
  closeFile(): void;
  /** Makes a directory, whose parent is there, for its owner alone. */
  makeDirectory(path: string): void;
  /** Gives a directory its mode. */
  setMode(path: string, mode: number): void;
  /** Makes a symbolic link with this very target. */
  symlink(path: string, target: string): void;
  /** Makes another name for the file at `target`. */
  link(path: string, target: string): void;
}
