import { createHash, type Hash } from 'node:crypto';
import type { ListedEntry } from './list-directory.js';
import type { TreeStorage } from './tree-storage.js';

/** Names the content of a file: its digest, and whether it can be run. Other bits of the mode are not kept when it is written. */
export function fileSum(mode: number, hash: Hash): string {
  return `${(mode & 0o111) === 0 ? 'file' : 'program'} ${hash.digest('hex')}`;
}

/** Names where a symbolic link leads. */
export function linkSum(target: string): string {
  return `link ${target}`;
}

/** A storage that notes the sums of the files and links that are written to another one, by path. */
export class SummingTree implements TreeStorage {
  readonly #storage: TreeStorage;
  readonly #sums: Map<string, string>;
  #path = '';
  #mode = 0;
  #hash = createHash('sha256');

  constructor(storage: TreeStorage, sums: Map<string, string>) {
    this.#storage = storage;
    this.#sums = sums;
  }

  list(path: string): readonly ListedEntry[] {
    return this.#storage.list(path);
  }

  kindOf(path: string): ListedEntry['kind'] | undefined {
    return this.#storage.kindOf(path);
  }

  createFile(path: string, mode: number): void {
    this.#storage.createFile(path, mode);
    this.#path = path;
    this.#mode = mode;
    this.#hash = createHash('sha256');
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#storage.write(chunk, start, end);
    this.#hash.update(chunk.subarray(start, end));
  }

  closeFile(): void {
    this.#storage.closeFile();
    this.#sums.set(this.#path, fileSum(this.#mode, this.#hash));
  }

  makeDirectory(path: string): void {
    this.#storage.makeDirectory(path);
  }

  setMode(path: string, mode: number): void {
    this.#storage.setMode(path, mode);
  }

  symlink(path: string, target: string): void {
    this.#storage.symlink(path, target);
    this.#sums.set(path, linkSum(target));
  }

  link(path: string, target: string): void {
    this.#storage.link(path, target);
    this.#sums.set(path, this.#sums.get(target) ?? '');
  }
}
