import { closeSync, mkdtempSync, openSync, readSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { fromNamedPath, inOperation, temporaryPlace } from '../errors/index.js';

/** How much is held in memory, in bytes; what is larger goes to a file. */
const inMemory = 8 * 1024 * 1024;
const pieceSize = 1024 * 1024;

/**
 * Content that nobody may see yet. A large one is in a file that has no name any more, so that nothing of it stays, however
 * the process ends.
 */
export class HeldContent {
  readonly #temporary: string;
  #chunks: Buffer[] = [];
  #size = 0;
  #fd = -1;

  /** @param temporary a directory for files that do not stay */
  constructor(temporary: string) {
    this.#temporary = temporary;
  }

  /** Takes the next bytes. Throws what the file system throws. */
  write(chunk: Buffer, start: number, end: number): void {
    const size = this.#size + end - start;
    if (this.#fd < 0 && size > inMemory) this.#moveToFile();
    this.#size = size;
    if (this.#fd < 0) this.#chunks.push(Buffer.from(chunk.subarray(start, end)));
    else writeAll(this.#fd, chunk, start, end);
  }

  /** All that was taken, in pieces. */
  *pieces(): Generator<Buffer, void, undefined> {
    if (this.#fd < 0) {
      yield* this.#chunks;
      return;
    }
    for (let at = 0; at < this.#size; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, this.#size - at));
      const length = readSync(this.#fd, piece, 0, piece.length, at);
      at += length;
      yield piece.subarray(0, length);
    }
  }

  /** Gives back what it takes. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#chunks = [];
    this.#size = 0;
  }

  #moveToFile(): void {
    this.#fd = openNameless(this.#temporary);
    for (const chunk of this.#chunks) writeAll(this.#fd, chunk, 0, chunk.length);
    this.#chunks = [];
  }
}

function openNameless(temporary: string): number {
  try {
    const directory = mkdtempSync(`${temporary}/engineshed-`);
    const path = `${directory}/content`;
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    rmdirSync(directory);
    return fd;
  } catch (error) {
    throw inOperation('Making a temporary file', fromNamedPath(temporaryPlace(temporary), error));
  }
}

function writeAll(fd: number, chunk: Buffer, start: number, end: number): void {
  for (let at = start; at < end; ) at += writeSync(fd, chunk, at, end - at);
}
