import zlib from 'node:zlib';
import { EngineshedError } from '../errors/index.js';

/** How a layer that is written is compressed. */
export type WrittenCompression = 'gzip' | 'zstd';

/** How many bytes of the uncompressed stream go into one gzip member or zstd frame. */
export const memberSize = 1024 * 1024;
/** As many members are compressed at once as libuv has threads by default. */
const membersAtOnce = 4;
/** What any member's output fits in, so that it is compressed in one go: deflate and zstd never add more than this. */
const outputSize = memberSize + 16 * 1024;
/** The place and value of the "unknown" operating system in a gzip header (RFC 1952, 2.3.1). */
const osByte = { at: 9, unknown: 255 };

/**
 * Compresses a stream as a row of gzip members (RFC 1952, 2.2) or zstd frames (RFC 8878, 3.1) of {@link memberSize} bytes each,
 * side by side in zlib's thread pool, at the levels 6 and 3. The bytes depend on nothing but the content and the version of zlib
 * or libzstd: no time, no name, no operating system.
 */
export class Members {
  readonly #write: (member: Buffer) => void;
  readonly #underway: { readonly input: Buffer; readonly output: Promise<Buffer> }[] = [];
  readonly #free: Buffer[] = [];

  readonly #compress: (bytes: Buffer) => Promise<Buffer>;

  /**
   * @param write takes the members, in their order
   * @throws EngineshedError `USAGE` for zstd where this Node has none
   */
  constructor(compression: WrittenCompression, write: (member: Buffer) => void) {
    this.#compress = compression === 'gzip' ? gzip : zstd();
    this.#write = write;
  }

  /** An empty buffer of {@link memberSize} bytes to fill and {@link add}. */
  buffer(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafe(memberSize);
  }

  /** Takes the first `length` bytes of a buffer as the next member, and the buffer with them. Waits while many are under way. */
  async add(input: Buffer, length: number): Promise<void> {
    const output = this.#compress(input.subarray(0, length));
    // It is awaited in its turn; until then a failure is nobody's.
    output.catch(() => undefined);
    this.#underway.push({ input, output });
    if (this.#underway.length > membersAtOnce) await this.#settleFirst();
  }

  /** Waits until all is written. */
  async finish(): Promise<void> {
    while (this.#underway.length > 0) await this.#settleFirst();
  }

  async #settleFirst(): Promise<void> {
    const first = this.#underway.shift();
    if (first === undefined) return;
    this.#write(await first.output);
    this.#free.push(first.input);
  }
}

type Compress = (bytes: Buffer, options: object, done: (error: Error | null, member: Buffer) => void) => void;

/** Since Node 22.15; the types of Node 20 do not know it. */
const zstdCompress = (zlib as { zstdCompress?: Compress }).zstdCompress;

async function gzip(bytes: Buffer): Promise<Buffer> {
  const member = await run(zlib.gzip, bytes, { level: 6, chunkSize: outputSize });
  member[osByte.at] = osByte.unknown;
  return member;
}

function zstd(): (bytes: Buffer) => Promise<Buffer> {
  if (zstdCompress !== undefined) return (bytes) => run(zstdCompress, bytes, { chunkSize: outputSize });
  throw new EngineshedError('USAGE', 'This Node.js cannot compress with zstd', {
    hint: 'Use Node.js 22.15 or later, or --compression gzip.',
  });
}

function run(compress: Compress, bytes: Buffer, options: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    compress(bytes, options, (error, member) => (error === null ? resolve(member) : reject(error)));
  });
}
