import { crc32 } from 'node:zlib';

/** Of each block of this many bytes, the first few are looked at. */
const blockBytes = 64 * 1024;
const sampleBytes = 4 * 1024;

/**
 * A cheap mark of the bytes that were passed on so far, to notice early that a body which had to be read again from its
 * start is another one. It proves nothing: that is the work of the digest, which runs over all that is passed on.
 */
export class PrefixMark {
  #offset = 0;
  #checksum = 0;

  /** Takes the next bytes. */
  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      const inBlock = (this.#offset + at) % blockBytes;
      if (inBlock >= sampleBytes) {
        at += blockBytes - inBlock;
        continue;
      }
      const end = Math.min(bytes.byteLength, at + sampleBytes - inBlock);
      this.#checksum = crc32(bytes.subarray(at, end), this.#checksum);
      at = end;
    }
    this.#offset += bytes.byteLength;
  }

  /** Whether both saw as many bytes, and what was looked at is the same. */
  equals(other: PrefixMark): boolean {
    return this.#offset === other.#offset && this.#checksum === other.#checksum;
  }
}
