/** The first bytes of a frame, and of a skippable one, as little-endian numbers (RFC 8878, 3.1). */
const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a5;
const dictionarySizes = [0, 1, 2, 4];
const contentSizes = [0, 2, 4, 8];
const checksumSize = 4;

/** What comes next in a row of frames. */
type Expected = 'magic' | 'skippable size' | 'frame header' | 'block header';

/**
 * Follows the outline of a row of zstd frames, without looking into their blocks, to know whether it ends where a frame ends:
 * before Node 24 nothing else says that a frame is cut off. What is no zstd is left to the decompressor to refuse.
 */
export class ZstdFrames {
  #expected: Expected = 'magic';
  /** The bytes of what is expected, as far as they came, and how many it has. */
  readonly #head: number[] = [];
  #wanted = 4;
  /** How many bytes are passed over before that. */
  #skip = 0;
  #hasChecksum = false;
  #frames = 0;

  /** Whether what came so far is one or more whole frames. */
  get isComplete(): boolean {
    return this.#expected === 'magic' && this.#head.length === 0 && this.#skip === 0 && this.#frames > 0;
  }

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at === bytes.length) return;
      this.#head.push(bytes[at++] as number);
      if (this.#head.length === this.#wanted) this.#take();
    }
  }

  #take(): void {
    const head = this.#head.splice(0);
    const number = head.reduce((sum, byte, at) => sum + byte * 2 ** (8 * at), 0);
    switch (this.#expected) {
      case 'magic':
        if (Math.floor(number / 16) === skippableMagic) this.#expect('skippable size', 4);
        // The header's first byte tells how long it is.
        else if (number === frameMagic) this.#expect('frame header', 1);
        else this.#expect('magic', 4);
        break;
      case 'skippable size':
        this.#endFrame(number);
        break;
      case 'frame header': {
        const isSingleSegment = (number & 0x20) !== 0;
        this.#hasChecksum = (number & 0x04) !== 0;
        const contentSize = contentSizes[number >> 6] || (isSingleSegment ? 1 : 0);
        this.#skip = (isSingleSegment ? 0 : 1) + (dictionarySizes[number & 3] ?? 0) + contentSize;
        this.#expect('block header', 3);
        break;
      }
      case 'block header': {
        const isRunLength = ((number >> 1) & 3) === 1;
        const size = isRunLength ? 1 : number >> 3;
        if ((number & 1) === 0) this.#skip = size;
        else this.#endFrame(size + (this.#hasChecksum ? checksumSize : 0));
        break;
      }
    }
  }

  #expect(what: Expected, size: number): void {
    this.#expected = what;
    this.#wanted = size;
  }

  /** @param rest how many bytes of the frame are still to come */
  #endFrame(rest: number): void {
    this.#frames++;
    this.#skip = rest;
    this.#expect('magic', 4);
  }
}
