import { gzip } from 'node:zlib';

/** How many bytes of the uncompressed stream go into one gzip member. */
export const memberSize = 1024 * 1024;
/** As many members are compressed at once as libuv has threads by default. */
const membersAtOnce = 4;
/** What any member's output fits in, so that it is compressed in one go: deflate never adds more than this. */
const outputSize = memberSize + 16 * 1024;
/** The place and value of the "unknown" operating system in a gzip header (RFC 1952, 2.3.1). */
const osByte = { at: 9, unknown: 255 };

/**
 * Compresses a stream as a row of gzip members (RFC 1952, 2.2) of {@link memberSize} bytes each, side by side in zlib's
 * thread pool, at level 6. The bytes depend on nothing but the content and the version of zlib: no time, no name, no
 * operating system.
 */
export class GzipMembers {
  readonly #write: (member: Buffer) => void;
  readonly #underway: { readonly input: Buffer; readonly output: Promise<Buffer> }[] = [];
  readonly #free: Buffer[] = [];

  /** @param write takes the members, in their order */
  constructor(write: (member: Buffer) => void) {
    this.#write = write;
  }

  /** An empty buffer of {@link memberSize} bytes to fill and {@link add}. */
  buffer(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafe(memberSize);
  }

  /** Takes the first `length` bytes of a buffer as the next member, and the buffer with them. Waits while many are under way. */
  async add(input: Buffer, length: number): Promise<void> {
    const output = compress(input.subarray(0, length));
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

function compress(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(bytes, { level: 6, chunkSize: outputSize }, (error, member) => {
      if (error !== null) {
        reject(error);
        return;
      }
      member[osByte.at] = osByte.unknown;
      resolve(member);
    });
  });
}
