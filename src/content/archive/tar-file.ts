import { closeSync, fsync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { EngineshedError } from '../../errors/index.js';
import { fileHeader, paddingOf } from '../../tar/file-header.js';
import { blockSize } from '../../tar/header.js';
import type { ByteStream } from '../types.js';

const synced = promisify(fsync);
const padding = Buffer.alloc(blockSize);
const readBytes = 1024 * 1024;

/** The place of a file's content in a {@link TarFile}, in bytes. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * A tar archive that is being written: each file gets its place first and its bytes then, so that several can be written at
 * the same time and the order is that of the asking.
 */
export class TarFile {
  readonly path: string;
  readonly #fd: number;
  #end = 0;
  #closed = false;

  /**
   * Makes a new file.
   * @throws NodeJS.ErrnoException, `EEXIST` where something is at `path`
   */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'wx+', 0o644);
  }

  /** Writes the header of a file behind all that is there, and keeps room for its content. */
  reserve(name: string, size: number): Place {
    const header = fileHeader(name, size);
    this.#write(header, this.#end);
    const offset = this.#end + header.length;
    this.#write(padding.subarray(0, paddingOf(size)), offset + size);
    this.#end = offset + size + paddingOf(size);
    return { offset, size };
  }

  /** Writes content into its place; what does not fit is the caller's fault. */
  async fill({ offset, size }: Place, content: ByteStream): Promise<void> {
    let at = 0;
    for await (const chunk of content) {
      if (at + chunk.byteLength > size)
        throw new EngineshedError('INTERNAL', 'Content is larger than its place in an archive');
      this.#write(chunk, offset + at);
      at += chunk.byteLength;
    }
  }

  /** Adds a small file. */
  add(name: string, bytes: Uint8Array): void {
    const { offset } = this.reserve(name, bytes.byteLength);
    this.#write(bytes, offset);
  }

  /** Reads what was written into a place. */
  async *read({ offset, size }: Place): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(readBytes, size - at));
      const length = readSync(this.#fd, chunk, 0, chunk.length, offset + at);
      if (length === 0) throw new EngineshedError('INTERNAL', `${this.path} became shorter`);
      at += length;
      yield chunk.subarray(0, length);
    }
  }

  /** Ends the archive and makes it durable; nothing else can be done with it then. */
  async finish(): Promise<void> {
    ftruncateSync(this.#fd, this.#end);
    this.#write(Buffer.alloc(2 * blockSize), this.#end);
    await synced(this.#fd);
    this.#close();
  }

  /** Closes and removes the file, whatever state it is in. */
  discard(): void {
    this.#close();
    rmSync(this.path, { force: true });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.byteLength; )
      at += writeSync(this.#fd, bytes, at, bytes.byteLength - at, position + at);
  }
}
