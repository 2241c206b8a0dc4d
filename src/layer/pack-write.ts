import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { EngineshedError, inOperation } from '../errors/index.js';
import { createDigester, type Digest } from '../oci/index.js';
import { blockSize, encodeHeader, maxOctalSize, splitUstarName } from '../tar/header.js';
import { encodeName, fsPath, joinPath, showName } from '../tar/names.js';
import { encodePax } from '../tar/pax.js';
import { Members, memberSize, type WrittenCompression } from './members.js';
import type { PackEntry, PackPlan } from './pack-scan.js';

/** What a layer came to. */
export interface WrittenLayer {
  /** The digest of the compressed bytes. */
  readonly digest: Digest;
  /** Their number. */
  readonly size: number;
  /** The digest of the uncompressed bytes. */
  readonly diffId: Digest;
}

/** Content of a layer: the files of a directory. */
export interface LayerContent {
  /** The directory that the plan is of. */
  readonly root: string;
  readonly plan: PackPlan;
  /** The directory of the archive that every path is in; the archive's root unless told. */
  readonly under: string | undefined;
}

/** How {@link writeLayer} writes, and where. */
export interface LayerOutput {
  /** The file descriptor that the compressed bytes go to. */
  readonly fd: number;
  readonly compression: WrittenCompression;
  /** The time of every entry, in seconds since the epoch. */
  readonly mtime: number;
  /** Told now and then how many bytes of content were read. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Writes the files of plans, one after the other, as a compressed tar archive: ustar headers, pax headers where those do not do,
 * everything owned by 0:0 without names, with the modes that git knows, at one time.
 * @throws EngineshedError `CONTENT_UNPUBLISHABLE` (a file that changed since it was found), `FILE_PERMISSION`, `DISK_FULL`,
 *   `IO_FAILED`
 */
export async function writeLayer(
  contents: readonly LayerContent[],
  output: LayerOutput,
): Promise<WrittenLayer> {
  const stream = new TarStream(output);
  for (const { root, plan, under } of contents) {
    for (const entry of plan.entries) {
      await stream.header({ ...entry, path: pathUnder(under, entry.path) }, output.mtime);
      if (entry.kind === 'file') await stream.content(root, entry);
    }
  }
  return await stream.finish();
}

/** Where in the archive something is that is at `path` in the content; `''` is the content's root. */
export function pathUnder(under: string | undefined, path: string): string {
  if (under === undefined) return path;
  return path === '' ? under : joinPath(under, path);
}

const openForReading = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** What opening and reading answer where a file has become something else since it was found. */
const changedCodes = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO']);
const modes = { directory: 0o755, symlink: 0o777 } as const;
const paxHeaderName = Buffer.from('././@PaxHeader');
const nothing = Buffer.alloc(0);

class TarStream {
  readonly #output: LayerOutput;
  readonly #members: Members;
  readonly #tarDigest = createDigester();
  readonly #layerDigest = createDigester();
  readonly #probe = Buffer.alloc(1);
  #buffer: Buffer;
  #at = 0;
  #size = 0;
  #contentBytes = 0;

  constructor(output: LayerOutput) {
    this.#output = output;
    this.#members = new Members(output.compression, (member) => {
      this.#layerDigest.update(member);
      this.#size += member.length;
      for (let at = 0; at < member.length; ) at += writeSync(output.fd, member, at);
    });
    this.#buffer = this.#members.buffer();
  }

  async header(entry: PackEntry, mtime: number): Promise<void> {
    const name = encodeName(entry.kind === 'directory' ? `${entry.path}/` : entry.path);
    const link = entry.kind === 'symlink' ? encodeName(entry.target) : nothing;
    const size = entry.kind === 'file' ? entry.size : 0;
    const split = splitUstarName(name);
    const records: [string, Uint8Array][] = [];
    if (link.length > 100 || link.some((byte) => byte >= 0x80)) records.push(['linkpath', link]);
    if (split === undefined) records.push(['path', name]);
    if (size > maxOctalSize) records.push(['size', Buffer.from(String(size))]);
    if (records.length > 0) await this.#paxHeader(encodePax(records), mtime);
    const mode = entry.kind === 'file' ? (entry.executable ? 0o755 : 0o644) : modes[entry.kind];
    await this.#block((target, at) =>
      encodeHeader(target, at, {
        name: split?.name ?? asciiOf(name),
        prefix: split?.prefix ?? nothing,
        linkName: asciiOf(link),
        typeFlag: entry.kind === 'file' ? '0' : entry.kind === 'symlink' ? '2' : '5',
        size,
        mode,
        mtime,
      }),
    );
  }

  /** Reads a file straight into the archive. It must have as many bytes as it had when it was found. */
  async content(root: string, { path, size }: { path: string; size: number }): Promise<void> {
    const fd = attempt(path, () => openSync(fsPath(root, path), openForReading));
    try {
      let remaining = size;
      while (remaining > 0) {
        // One byte more is asked for where there is room: it must not come.
        const wanted = Math.min(remaining + 1, memberSize - this.#at);
        const count = attempt(path, () => readSync(fd, this.#buffer, this.#at, wanted, null));
        if (count === 0 || count > remaining) throw changed(path);
        remaining -= count;
        this.#at += count;
        this.#contentBytes += count;
        const ended = remaining === 0 && count < wanted;
        if (this.#at === memberSize) await this.#flush();
        if (ended) break;
        if (remaining === 0) this.#expectEnd(path, fd);
      }
      if (size === 0) this.#expectEnd(path, fd);
    } finally {
      closeSync(fd);
    }
    await this.#pad();
  }

  /** Two blocks of zeros end the archive. */
  async finish(): Promise<WrittenLayer> {
    for (let count = 0; count < 2; count++) {
      await this.#block((target, at) => target.fill(0, at, at + blockSize));
    }
    if (this.#at > 0) await this.#flush();
    await this.#members.finish();
    return { digest: this.#layerDigest.digest(), size: this.#size, diffId: this.#tarDigest.digest() };
  }

  async #paxHeader(records: Buffer, mtime: number): Promise<void> {
    await this.#block((target, at) =>
      encodeHeader(target, at, {
        name: paxHeaderName,
        prefix: nothing,
        linkName: nothing,
        typeFlag: 'x',
        size: records.length,
        mode: 0o644,
        mtime,
      }),
    );
    for (let from = 0; from < records.length; ) {
      const count = records.copy(this.#buffer, this.#at, from);
      from += count;
      this.#at += count;
      if (this.#at === memberSize) await this.#flush();
    }
    await this.#pad();
  }

  /** Blocks never lie across members, for members are made of whole blocks. */
  async #block(fill: (target: Buffer, at: number) => void): Promise<void> {
    fill(this.#buffer, this.#at);
    this.#at += blockSize;
    if (this.#at === memberSize) await this.#flush();
  }

  async #pad(): Promise<void> {
    const end = Math.ceil(this.#at / blockSize) * blockSize;
    this.#buffer.fill(0, this.#at, end);
    this.#at = end;
    if (this.#at === memberSize) await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#tarDigest.update(this.#buffer.subarray(0, this.#at));
    await this.#members.add(this.#buffer, this.#at);
    this.#buffer = this.#members.buffer();
    this.#at = 0;
    this.#output.onProgress(this.#contentBytes);
  }

  #expectEnd(path: string, fd: number): void {
    if (attempt(path, () => readSync(fd, this.#probe, 0, 1, null)) > 0) throw changed(path);
  }
}

/** What goes into a header whose pax header has the name itself: other bytes would make it no valid ustar header. */
function asciiOf(bytes: Buffer): Buffer {
  return bytes.every((byte) => byte < 0x80) ? bytes : (bytes.filter((byte) => byte < 0x80) as Buffer);
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (changedCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw changed(path);
    throw inOperation(`Packing "${showName(path)}"`, error);
  }
}

function changed(path: string): EngineshedError {
  return new EngineshedError(
    'CONTENT_UNPUBLISHABLE',
    `"${showName(path)}" changed while it was being packed`,
    {
      hint: 'Publish again when nothing writes to the directory.',
      details: { path: showName(path) },
    },
  );
}
