import { crc32 } from 'node:zlib';
import type { Digest } from '../oci/index.js';
import type { ListedEntry } from './list-directory.js';
import type { TreeStorage } from './tree-storage.js';

/** An entry of a layer, as it was written. Paths and targets are as `decodeName` gives them. */
export type RecordedEntry =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      /** In bytes. */
      readonly size: number;
      /** The CRC-32 of the content, as gzip has it; a digest where a program recorded it that has no such thing, as a shell. */
      readonly sum: number | Digest;
    }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  /** Another name of the file at `target`, which was recorded before. */
  | { readonly kind: 'hardlink'; readonly path: string; readonly target: string };

/** A storage that tells what is written to another one. Directories are told last, when their modes are known. */
export class RecordingTree implements TreeStorage {
  readonly #storage: TreeStorage;
  readonly #record: (entry: RecordedEntry) => void;
  #path = '';
  #mode = 0;
  #size = 0;
  #crc = 0;

  constructor(storage: TreeStorage, record: (entry: RecordedEntry) => void) {
    this.#storage = storage;
    this.#record = record;
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
    this.#size = 0;
    this.#crc = 0;
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#storage.write(chunk, start, end);
    this.#size += end - start;
    this.#crc = crc32(chunk.subarray(start, end), this.#crc);
  }

  closeFile(): void {
    this.#storage.closeFile();
    this.#record({ kind: 'file', path: this.#path, mode: this.#mode, size: this.#size, sum: this.#crc });
  }

  makeDirectory(path: string): void {
    this.#storage.makeDirectory(path);
  }

  setMode(path: string, mode: number): void {
    this.#storage.setMode(path, mode);
    this.#record({ kind: 'directory', path, mode });
  }

  symlink(path: string, target: string): void {
    this.#storage.symlink(path, target);
    this.#record({ kind: 'symlink', path, target });
  }

  link(path: string, target: string): void {
    this.#storage.link(path, target);
    this.#record({ kind: 'hardlink', path, target });
  }
}
