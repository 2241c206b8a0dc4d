import { archiveError, entryError, invalid, unsafe } from './faults.js';
import { paddingOf } from './file-header.js';
import { blockSize, decodeHeader, isZeroBlock, maxOctalSize, type TarHeader } from './header.js';
import { decodeName } from './names.js';
import { decodePax, type PaxRecords } from './pax.js';

/** The most bytes a pax header or GNU long name may have: 1 MiB, as in Go's archive/tar. */
const maxExtension = 1024 * 1024;

/** An entry as the archive names it; names are not checked yet. */
export interface TarEntry {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly name: string;
  /** The target of a link, else empty. */
  readonly linkName: string;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  readonly mode: number;
}

/** Receives what a {@link TarReader} reads. What it throws ends the reading. */
export interface TarSink {
  /** An entry begins. For a file `data` comes until all its bytes are there, then `endFile`. */
  entry(entry: TarEntry): void;
  /** The next bytes of the file, `chunk` from `start` up to `end`; valid only during the call. */
  data(chunk: Buffer, start: number, end: number): void;
  /** The file is complete. */
  endFile(): void;
}

type State = 'header' | 'extension' | 'data' | 'padding' | 'marker' | 'trailer';

/**
 * Reads a tar archive that is pushed into it: v7, ustar, pax and GNU formats. Strict where readers differ: what two
 * readers could take for two different trees is refused, not guessed.
 * @throws EngineshedError `LAYER_INVALID`, `LAYER_UNSAFE` (devices, FIFOs), and what the sink throws
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #scratch = Buffer.alloc(blockSize);
  #scratchLength = 0;
  #state: State = 'header';
  #remaining = 0;
  #padding = 0;
  #position = 0;
  #extension: { typeFlag: string; bytes: Buffer } | undefined;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. */
  push(chunk: Buffer): void {
    this.#position += chunk.length;
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at);
  }

  /**
   * Passes over the content that is to come, padding included, without its bytes: for a reader that can go to any place of
   * the archive. The sink is told of the end of the file, and of no data.
   * @returns how many bytes the next push must not bring
   */
  skip(): number {
    const skipped = this.#state === 'data' ? this.#remaining + this.#padding : 0;
    if (skipped === 0) return 0;
    this.#position += skipped;
    this.#remaining = 0;
    this.#padding = 0;
    this.#endFile();
    return skipped;
  }

  /** Tells whether the end marker was read; only zeros may follow. */
  get ended(): boolean {
    return this.#state === 'trailer';
  }

  /** Ends the archive: it must have had its end marker of two zero blocks. */
  end(): void {
    if (this.#state !== 'trailer') throw archiveError('it ends before its end marker');
    if (this.#position % blockSize !== 0) throw archiveError('it does not end at a block of 512 bytes');
  }

  #step(chunk: Buffer, at: number): number {
    const available = chunk.length - at;
    switch (this.#state) {
      case 'header':
      case 'marker': {
        if (this.#scratchLength === 0 && available >= blockSize) {
          this.#block(chunk, at);
          return at + blockSize;
        }
        const taken = Math.min(available, blockSize - this.#scratchLength);
        chunk.copy(this.#scratch, this.#scratchLength, at, at + taken);
        this.#scratchLength += taken;
        if (this.#scratchLength === blockSize) {
          this.#scratchLength = 0;
          this.#block(this.#scratch, 0);
        }
        return at + taken;
      }
      case 'data': {
        const end = at + Math.min(available, this.#remaining);
        this.#sink.data(chunk, at, end);
        this.#remaining -= end - at;
        if (this.#remaining === 0) this.#endFile();
        return end;
      }
      case 'extension': {
        const bytes = (this.#extension as { bytes: Buffer }).bytes;
        const end = at + Math.min(available, this.#remaining);
        chunk.copy(bytes, bytes.length - this.#remaining, at, end);
        this.#remaining -= end - at;
        if (this.#remaining === 0) this.#endExtension();
        return end;
      }
      case 'padding': {
        const taken = Math.min(available, this.#padding);
        this.#padding -= taken;
        if (this.#padding === 0) this.#state = 'header';
        return at + taken;
      }
      case 'trailer':
        for (let index = at; index < chunk.length; index++) {
          if (chunk[index] !== 0) throw archiveError('it goes on behind its end marker');
        }
        return chunk.length;
    }
  }

  #block(block: Buffer, at: number): void {
    const zero = block[at] === 0 && isZeroBlock(block, at);
    if (this.#state === 'marker') {
      if (!zero) throw archiveError('it goes on behind a zero block');
      this.#state = 'trailer';
    } else if (zero) {
      if ((this.#pax ?? this.#longName ?? this.#longLink) !== undefined) {
        throw archiveError('it ends with an extended header that has no entry');
      }
      this.#state = 'marker';
    } else {
      const header = decodeHeader(block, at);
      if ('xgLK'.includes(header.typeFlag)) this.#beginExtension(header);
      else this.#beginEntry(header);
    }
  }

  #beginExtension(header: TarHeader): void {
    if (header.size > maxExtension) {
      throw archiveError(`an extended header has ${header.size} bytes; ${maxExtension} are allowed`);
    }
    this.#extension = { typeFlag: header.typeFlag, bytes: Buffer.alloc(header.size) };
    this.#remaining = header.size;
    this.#padding = paddingOf(header.size);
    this.#state = 'extension';
    if (header.size === 0) this.#endExtension();
  }

  #endExtension(): void {
    const { typeFlag, bytes } = this.#extension as { typeFlag: string; bytes: Buffer };
    this.#extension = undefined;
    this.#state = this.#padding === 0 ? 'header' : 'padding';
    const twice = (what: unknown) => {
      if (what !== undefined) throw archiveError('an entry has two extended headers of one kind');
    };
    if (typeFlag === 'g') {
      decodePax(bytes, 'global');
    } else if (typeFlag === 'x') {
      twice(this.#pax);
      this.#pax = decodePax(bytes, 'entry');
    } else if (typeFlag === 'L') {
      twice(this.#longName);
      this.#longName = longText(bytes);
    } else {
      twice(this.#longLink);
      this.#longLink = longText(bytes);
    }
  }

  #beginEntry(header: TarHeader): void {
    const pax = this.#pax;
    const isNamedTwice = pax?.path !== undefined && this.#longName !== undefined;
    if (isNamedTwice || (pax?.linkPath !== undefined && this.#longLink !== undefined)) {
      throw archiveError(`"${header.name}" has its name in a pax and in a GNU header`);
    }
    const name = pax?.path ?? this.#longName ?? header.name;
    const linkName = pax?.linkPath ?? this.#longLink ?? header.linkName;
    const size = entrySize(name, header, pax?.size);
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;

    const kind = entryKind(name, header.typeFlag);
    if (kind !== 'file' && size !== 0) throw entryError(name, invalid(`it is a ${kind} with content`));
    const isLink = kind === 'symlink' || kind === 'hardlink';
    this.#sink.entry({ kind, name, linkName: isLink ? linkName : '', size, mode: header.mode });
    if (kind !== 'file') return;
    this.#remaining = size;
    this.#padding = paddingOf(size);
    this.#state = 'data';
    if (size === 0) this.#endFile();
  }

  #endFile(): void {
    this.#state = this.#padding === 0 ? 'header' : 'padding';
    this.#sink.endFile();
  }
}

/** The name in a GNU long-name header: up to a NUL, with nothing but NULs behind it. */
function longText(bytes: Buffer): string {
  const nul = bytes.indexOf(0);
  const end = nul < 0 ? bytes.length : nul;
  if (bytes.subarray(end).some((byte) => byte !== 0)) throw archiveError('a GNU long name has a NUL inside');
  return decodeName(bytes, 0, end);
}

/**
 * The size of an entry. A pax size is for what the header's field cannot hold; readers disagree on which one counts
 * where both could, and then archives can hide entries in what others take for content.
 */
function entrySize(name: string, header: TarHeader, paxSize: number | undefined): number {
  if (paxSize === undefined) return header.size;
  if (paxSize === header.size || paxSize > maxOctalSize) return paxSize;
  throw entryError(name, invalid(`its header says ${header.size} bytes and its pax header ${paxSize}`));
}

function entryKind(name: string, typeFlag: string): TarEntry['kind'] {
  switch (typeFlag) {
    case '0':
      // Before there was a type for directories, v7 tar marked them by a slash at the end.
      return name.endsWith('/') ? 'directory' : 'file';
    case '7':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '5':
      return 'directory';
    case '3':
    case '4':
    case '6':
      throw entryError(name, unsafe(`it is a ${specialNames[typeFlag]}`));
    default:
      throw entryError(name, invalid(unsupportedReason(typeFlag)));
  }
}

const specialNames = { 3: 'character device', 4: 'block device', 6: 'FIFO' } as const;

function unsupportedReason(typeFlag: string): string {
  if (typeFlag === 'S') return 'it is a GNU sparse file, which is not supported';
  return `its type "${typeFlag}" is not supported`;
}
