import { constants, lstatSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Beginning, ByteStream } from '../content/index.js';
import type { LockedLayer } from '../engine/index.js';
import { fromSystemError, isEngineshedError } from '../errors/index.js';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '../oci/index.js';
import { entriesOf } from './directory.js';
import { readLayer } from './layer.js';
import type { StorePaths } from './paths.js';
import type { Store } from './store.js';

/** A blob below this size, in bytes, is not worth a file of its own. */
const worthKeepingBytes = 1024 * 1024;
/** So much is gathered before it is written, in bytes: few calls, none of which the download waits for. */
const gatherBytes = 1024 * 1024;
/** What is older was given up by its user, in milliseconds: one week. */
const staleMs = 7 * 24 * 3600 * 1000;

/** What says that the bytes of a layer are not right. */
const contentFaults = [
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'DIFFID_MISMATCH',
  'LAYER_INVALID',
  'LAYER_UNSAFE',
  'LAYER_LIMIT',
] as const;

/** How a download goes on from an earlier one and can be gone on with itself. */
export interface Resumption {
  /** What an earlier download has left. */
  readonly beginning: Beginning | undefined;
  /** Passes on all bytes of the blob, the beginning too, and keeps those that are new. */
  keep(stream: ByteStream): ByteStream;
}

/**
 * Runs `work`, which downloads a layer, from where an earlier run was interrupted, and so that a later one can do so. What arrives
 * is kept in a file until the layer stands; it stays when the network is lost or the process dies. Nobody trusts that file: what
 * comes out of it is verified with the rest, and where that fails the layer is downloaded once more from its start. On a full disk
 * it makes room first. The caller holds the layer's lock.
 * @param label what the layer is called in messages
 * @throws what `work` throws
 */
export async function resumably<T>(
  store: Store,
  layer: LockedLayer,
  label: string,
  work: (resumption: Resumption) => Promise<T>,
): Promise<T> {
  const warn = (message: string) => store.report({ type: 'warning', message: `${label}: ${message}` });
  const file = await PartialFile.open(store, layer);
  try {
    const result = await work(file ?? nothingKept);
    if (file === undefined) forget(pathOf(store.paths, layer));
    else await file.remove();
    return result;
  } catch (thrown) {
    const error = fromSystemError(thrown);
    if (error.code === 'DISK_FULL') {
      const freed = removePartials(store.paths);
      await file?.remove();
      if (freed === 0) throw error;
      warn('the disk is full; what was kept of interrupted downloads is deleted, and this one begins again');
      return work(nothingKept);
    }
    if (!isEngineshedError(error, ...contentFaults)) {
      await file?.leave();
      throw error;
    }
    await file?.remove();
    if (file?.beginning === undefined) throw error;
    warn('what an interrupted download had left was not right; downloading it from the start');
    return resumably(store, layer, label, work);
  }
}

/** Downloads from the start and keeps nothing. */
export const nothingKept: Resumption = { beginning: undefined, keep: (stream) => stream };

/** How many bytes of a layer's blob need not be downloaded any more. */
export function keptBytes(paths: StorePaths, layer: LockedLayer): number {
  const kept = lstatSync(pathOf(paths, layer), { throwIfNoEntry: false });
  return kept?.isFile() && kept.size <= layer.descriptor.size ? kept.size : 0;
}

/**
 * Removes what interrupted downloads left of layers that stand by now, or a week ago.
 * @param now the present time in milliseconds, as the file system stamps files
 */
export function sweepPartials(paths: StorePaths, now: () => number): void {
  for (const name of readdirSync(paths.partial)) {
    const path = `${paths.partial}/${name}`;
    const diffId = /^(\w+)-(\w+)\.\w+$/.exec(name)?.slice(1, 3).join(':') ?? '';
    const modified = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (isDigest(diffId) && now() - modified < staleMs && readLayer(paths.layer(diffId)) === undefined)
      continue;
    rmSync(path, { recursive: true, force: true });
  }
}

/** How many bytes interrupted downloads, and those under way, have left. */
export function partialBytes({ partial }: StorePaths): number {
  const sizes = entriesOf(partial).map(
    (name) => lstatSync(`${partial}/${name}`, { throwIfNoEntry: false })?.size ?? 0,
  );
  return sizes.reduce((total, size) => total + size, 0);
}

/** Removes all that was kept, of downloads under way too: they lose nothing but that. Returns how many bytes that were. */
export function removePartials(paths: StorePaths): number {
  let bytes = 0;
  for (const name of readdirSync(paths.partial)) {
    const path = `${paths.partial}/${name}`;
    bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
    rmSync(path, { recursive: true, force: true });
  }
  return bytes;
}

/** Removes a file that could not be opened, or was not worth it, now that its layer stands; or a later sweep does. */
function forget(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // What keeps it from being removed may be over by then.
  }
}

/** Two blobs can hold one layer, compressed differently; the lock that protects the file is that of the layer. */
function pathOf({ partial }: StorePaths, { diffId, descriptor }: LockedLayer): string {
  const name = (digest: Digest) => `${digestAlgorithm(digest)}-${digestHex(digest)}`;
  return `${partial}/${name(diffId)}.${digestHex(descriptor.digest).slice(0, 16)}`;
}

/**
 * The file with what has arrived of a blob. It is always a beginning: what cannot be written ends the keeping, and never the
 * download.
 */
class PartialFile implements Resumption {
  readonly beginning: Beginning | undefined;
  readonly #path: string;
  readonly #handle: FileHandle;
  /** How many bytes the file has, or will have when what is gathered or on its way is written. */
  #size: number;
  /** Bytes are copied: held until they are written, those that come would be too many for the garbage collector. */
  #gathering: Buffer = Buffer.allocUnsafe(gatherBytes);
  #spare: Buffer = Buffer.allocUnsafe(gatherBytes);
  #gathered = 0;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;

  /** Opens the file of a layer; undefined where nothing is to be kept, or cannot be. */
  static async open({ paths, report }: Store, layer: LockedLayer): Promise<PartialFile | undefined> {
    if (layer.descriptor.size < worthKeepingBytes) return undefined;
    const path = pathOf(paths, layer);
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
      const found = await handle.stat();
      // A link to somebody's file would let us write there.
      if (!found.isFile() || found.nlink !== 1) throw new Error('it is no file of ours');
      if (found.size > layer.descriptor.size) await handle.truncate();
      return new PartialFile(path, handle, found.size > layer.descriptor.size ? 0 : found.size);
    } catch (error) {
      await handle?.close();
      const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      report({
        type: 'warning',
        message: `If this download is interrupted, it will begin again: ${path} (${why})`,
      });
      return undefined;
    }
  }

  private constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
    this.beginning = size === 0 ? undefined : { size, open: async () => this.#read(size) };
  }

  async *keep(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = 0;
    for await (const chunk of stream) {
      const known = Math.max(0, this.#size - offset);
      offset += chunk.byteLength;
      for (let at = known; at < chunk.byteLength && !this.#isOver; )
        at += await this.#gather(chunk.subarray(at));
      yield chunk;
    }
  }

  /** Leaves the file for a later download. */
  async leave(): Promise<void> {
    await this.#write();
    await this.#close();
  }

  /** Deletes the file. */
  async remove(): Promise<void> {
    this.#isOver = true;
    await this.#close();
    rmSync(this.#path, { force: true });
  }

  /** Ends early where the file cannot be read; what is missing is downloaded then. */
  async *#read(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      const stream = this.#handle.createReadStream({
        start: 0,
        end: size - 1,
        autoClose: false,
        highWaterMark: gatherBytes,
      });
      yield* stream as AsyncIterable<Uint8Array>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall !== 'read') throw error;
    }
  }

  /** Takes as many bytes as there is room for; returns how many. */
  async #gather(bytes: Uint8Array): Promise<number> {
    const taken = Math.min(bytes.byteLength, gatherBytes - this.#gathered);
    this.#gathering.set(bytes.subarray(0, taken), this.#gathered);
    this.#gathered += taken;
    this.#size += taken;
    if (this.#gathered === gatherBytes) await this.#write();
    return taken;
  }

  /** Begins to write what is gathered, once what was written before is. */
  async #write(): Promise<void> {
    await this.#writing;
    if (this.#isOver || this.#gathered === 0) return;
    this.#writing = this.#append(this.#gathering.subarray(0, this.#gathered), this.#size - this.#gathered);
    [this.#gathering, this.#spare] = [this.#spare, this.#gathering];
    this.#gathered = 0;
  }

  /** Where there is no room, or somebody made room (the file is gone), it is needed for what is downloaded. */
  async #append(bytes: Buffer, position: number): Promise<void> {
    try {
      if ((await this.#handle.stat()).nlink === 0) throw new Error('deleted');
      const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.byteLength, position);
      if (bytesWritten < bytes.byteLength) this.#isOver = true;
    } catch {
      this.#isOver = true;
      await this.#handle.truncate().catch(() => undefined);
      try {
        rmSync(this.#path, { force: true });
      } catch {
        // It is a beginning still, and of use to a later download, or goes with a later sweep.
      }
    }
  }

  async #close(): Promise<void> {
    await this.#writing;
    await this.#handle.close();
  }
}
