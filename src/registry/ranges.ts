import type { Download } from './download.js';
import type { HttpResponse } from './response.js';
import { isRetryable, Setbacks } from './retry.js';

/** How much of a blob one request asks for where several run side by side, in bytes. */
export const pieceBytes = 4 * 1024 * 1024;
/** How many of them are under way or wait for their turn. With the one being passed on, so many are in memory. */
const piecesAhead = 3;

/** The header of a request for the bytes from `first` to `last`, or to the end, of the entity with that strong `ETag`. */
export function rangeHeaders(first: number, last?: number, etag?: string): Record<string, string> {
  const range = `bytes=${first}-${last ?? ''}`;
  return etag === undefined || etag.startsWith('W/') ? { range } : { range, 'if-range': etag };
}

/** Tells whether an answer is exactly that range of an entity of `size` bytes, and of the same entity (RFC 9110, section 14). */
export function isRange(
  response: HttpResponse,
  first: number,
  last: number,
  size: number,
  etag?: string,
): boolean {
  const answered = response.header('content-range') ?? '';
  const range = `bytes ${first}-${last}/`;
  const other = response.header('etag');
  const { contentLength = last - first + 1 } = response;
  return (
    response.status === 206 &&
    contentLength === last - first + 1 &&
    (answered === `${range}${size}` || answered === `${range}*`) &&
    (etag === undefined || other === undefined || other === etag)
  );
}

/** A run of bytes of a blob that a request of its own fetches. */
interface Piece {
  readonly bytes: Promise<readonly Uint8Array[]>;
  readonly length: number;
}

/**
 * Fetches a blob from some offset on by several requests side by side, and gives it in order. It keeps at most so many pieces in
 * memory that their number does not depend on the blob. Every piece is resumed within the tries as a whole download is.
 */
export class RangesAhead {
  /** Where the first piece begins. */
  readonly from: number;
  /** Whether the server has answered a request for a range with something else; it is not to be asked in this way again. */
  refused = false;
  readonly #download: Download;
  readonly #etag: string | undefined;
  readonly #stop = new AbortController();
  readonly #pieces: Piece[] = [];
  #next: number;

  constructor(download: Download, from: number, etag: string | undefined) {
    this.#download = download;
    this.from = from;
    this.#etag = etag;
    this.#next = from;
    this.#ask();
  }

  /**
   * The next bytes, in order: a whole piece, or what there is of the one whose rest could not be had; then, and at the end of the
   * blob, nothing. Never throws: whoever goes on alone from there meets what is wrong itself.
   */
  async next(): Promise<readonly Uint8Array[]> {
    const piece = this.#pieces.shift();
    if (piece === undefined) return [];
    const chunks = await piece.bytes;
    if (chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) < piece.length) this.close();
    else this.#ask();
    return chunks;
  }

  /** Ends the requests. */
  close(): void {
    this.#stop.abort();
    this.#pieces.length = 0;
  }

  #ask(): void {
    const { size } = this.#download.descriptor;
    while (!this.#stop.signal.aborted && this.#pieces.length < piecesAhead && this.#next < size) {
      const length = Math.min(pieceBytes, size - this.#next);
      this.#pieces.push({ bytes: this.#fetch(this.#next, this.#next + length - 1), length });
      this.#next += length;
    }
  }

  async #fetch(first: number, last: number): Promise<Uint8Array[]> {
    const { host, request, descriptor } = this.#download;
    const signals = request.signal === undefined ? [] : [request.signal];
    const signal = AbortSignal.any([...signals, this.#stop.signal]);
    const chunks: Uint8Array[] = [];
    const setbacks = new Setbacks(host.pace, first);
    let at = first;
    try {
      while (at <= last) {
        const headers = { ...request.headers, ...rangeHeaders(at, last, this.#etag) };
        const response = await host.send({ ...request, headers, signal });
        if (!isRange(response, at, last, descriptor.size, this.#etag)) {
          this.refused = true;
          response.discard();
          break;
        }
        try {
          for await (const chunk of response.body()) {
            const wanted = chunk.subarray(0, last + 1 - at);
            chunks.push(wanted);
            at += wanted.byteLength;
            // To its end where that is told, so that the connection can be used again.
            if (at > last && response.contentLength === undefined) break;
          }
        } catch (error) {
          if (!isRetryable(error)) throw error;
        }
        if (at > last) {
          setbacks.over(response.url);
          break;
        }
        const failures = setbacks.count(at, response.url);
        if (!host.pace.allowsAnother(response.url, failures)) break;
        await host.pace.pause(response.url, failures, signal);
      }
    } catch {
      // The one stream that is left then meets it again, or the reader has gone.
    }
    return chunks;
  }
}
