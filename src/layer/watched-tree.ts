import type { ListedEntry } from './list-directory.js';
import type { TreeStorage } from './tree-storage.js';

/** Sees the content of what is written to a tree. Paths are those of {@link TreeStorage}. What it saw counts only after success. */
export interface ContentWatcher {
  /** A file begins; its bytes follow, then `endFile`. One is open at a time. */
  beginFile(path: string, mode: number): void;
  /** The next bytes of the file, valid only during the call. */
  bytes(chunk: Buffer): void;
  endFile(): void;
  symlink(path: string, target: string): void;
  /** Another name for the file at `target`, which was seen. */
  link(path: string, target: string): void;
}

/** A storage that lets somebody see what is written to another one. */
export class WatchedTree implements TreeStorage {
  readonly #storage: TreeStorage;
  readonly #watcher: ContentWatcher;

  constructor(storage: TreeStorage, watcher: ContentWatcher) {
    this.#storage = storage;
    this.#watcher = watcher;
  }

  list(path: string): readonly ListedEntry[] {
    return this.#storage.list(path);
  }

  kindOf(path: string): ListedEntry['kind'] | undefined {
    return this.#storage.kindOf(path);
  }

  createFile(path: string, mode: number): void {
    this.#storage.createFile(path, mode);
    this.#watcher.beginFile(path, mode);
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#storage.write(chunk, start, end);
    this.#watcher.bytes(chunk.subarray(start, end));
  }

  closeFile(): void {
    this.#storage.closeFile();
    this.#watcher.endFile();
  }

  makeDirectory(path: string): void {
    this.#storage.makeDirectory(path);
  }

  setMode(path: string, mode: number): void {
    this.#storage.setMode(path, mode);
  }

  symlink(path: string, target: string): void {
    this.#storage.symlink(path, target);
    this.#watcher.symlink(path, target);
  }

  link(path: string, target: string): void {
    this.#storage.link(path, target);
    this.#watcher.link(path, target);
  }
}
