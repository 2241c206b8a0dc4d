import { type ByteStream, type OpenContent, verified } from '../content/index.js';
import type { Descriptor } from '../oci/index.js';

/**
 * The content of an upload, in parts. It can be opened at its first byte only, so what lies before a part is read again and
 * skipped, and verified like the rest: the last bytes are given out only after all of it turned out to be the descriptor's.
 */
export class UploadSource {
  readonly #open: OpenContent;
  readonly #descriptor: Descriptor;
  #reading: Reading | undefined;

  constructor(open: OpenContent, descriptor: Descriptor) {
    this.#open = open;
    this.#descriptor = descriptor;
  }

  /** How far the part that was opened last has been given out: an offset in the content, in bytes. */
  get reached(): number {
    return this.#reading?.position ?? 0;
  }

  /**
   * Opens `length` bytes from an offset on. The part before it is left, where somebody still reads it.
   * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH` from the iteration, and what opening the content throws
   */
  async part(start: number, length: number): Promise<ByteStream> {
    if (this.#reading === undefined || this.#reading.isBusy || this.#reading.position > start) {
      this.close();
      this.#reading = new Reading(oneBehind(verified(await this.#open(), this.#descriptor)));
    }
    return this.#reading.take(start, length, this.#descriptor.size);
  }

  /** Ends what is still being read. */
  close(): void {
    this.#reading?.end();
    this.#reading = undefined;
  }
}

/** One way through the content, from its first byte on. */
class Reading {
  position = 0;
  isBusy = false;
  readonly #pieces: AsyncGenerator<Uint8Array, void, undefined>;
  /** What was read and not yet given out. */
  #rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncGenerator<Uint8Array, void, undefined>) {
    this.#pieces = pieces;
  }

  async *take(start: number, length: number, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.isBusy = true;
    const end = start + length;
    while (this.position < end) {
      if (this.#rest.byteLength === 0) {
        const next = await this.#pieces.next();
        if (next.done === true) return;
        this.#rest = next.value;
      }
      const piece = this.#rest.subarray(0, (this.position < start ? start : end) - this.position);
      this.#rest = this.#rest.subarray(piece.byteLength);
      const isBefore = this.position < start;
      this.position += piece.byteLength;
      if (!isBefore) yield piece;
    }
    // Nothing is left, which only the end of the verification says.
    if (end === size) await this.#pieces.next();
    this.isBusy = false;
  }

  end(): void {
    this.#pieces.return(undefined).catch(() => undefined);
  }
}

/** Holds each piece until the next one is there, so that the last is given out only after all were verified. */
async function* oneBehind(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined;
  for await (const piece of stream) {
    if (piece.byteLength === 0) continue;
    if (held !== undefined) yield held;
    held = piece;
  }
  if (held !== undefined) yield held;
}
