import type { IncomingMessage } from 'node:http';
import { EngineshedError } from '../errors/index.js';
import { BodyQueue } from './body-queue.js';
import type { Limits } from './limits.js';
import { networkError, timeoutError } from './network-error.js';
import { publicUrl } from './url.js';

/** A remainder up to this many bytes is read to its end, so that the connection can be used again. */
const drainBytes = 64 * 1024;
/** How long that may take, in milliseconds. */
const drainMs = 2000;

/** What is known of an answer beside the message itself. */
export interface ResponseOptions {
  readonly url: URL;
  readonly via: string | undefined;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
}

/** What a server answered: status and headers, and a body that is still to be read, or to be given up. */
export class HttpResponse {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** The proxy that it came through, as messages name it. */
  readonly via: string | undefined;
  readonly status: number;
  readonly #message: IncomingMessage;
  readonly #queue: BodyQueue;
  readonly #limits: Limits;
  readonly #signal: AbortSignal | undefined;

  constructor({ url, via, limits, signal }: ResponseOptions, message: IncomingMessage) {
    this.url = url;
    this.via = via;
    this.status = message.statusCode ?? 0;
    this.#message = message;
    this.#limits = limits;
    this.#signal = signal;
    this.#queue = new BodyQueue(message);
  }

  /** The value of a header, by its lower-case name; several are joined with a comma. */
  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** The values of a header that came several times, one by one. */
  headerLines(name: string): readonly string[] {
    return this.#message.headersDistinct[name] ?? [];
  }

  /** The media type without parameters, in lower case; empty where there is none. */
  get mediaType(): string {
    return (this.header('content-type') ?? '').split(';', 1).join('').trim().toLowerCase();
  }

  /** `Content-Length` in bytes; undefined where there is none that can be relied on. */
  get contentLength(): number | undefined {
    const text = this.header('content-length');
    if (text === undefined || !/^\d{1,15}$/.test(text) || this.isEncoded) return undefined;
    return Number(text);
  }

  /** Whether something on the way compressed the body, although we ask for it as it is. */
  get isEncoded(): boolean {
    const encoding = this.header('content-encoding');
    return encoding !== undefined && encoding.toLowerCase() !== 'identity';
  }

  /**
   * The body as it comes; ending the iteration early closes the connection. Only the time in which we wait for the server
   * counts against the limits, so a slow reader is no fault of the server.
   * @throws EngineshedError `NETWORK_FAILED` where it was cut off, `TIMEOUT` where it stalls or drips; the reason of an
   * aborted signal
   */
  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    const { idleMs, minBytesPerSecond } = this.#limits;
    let waited = 0;
    let received = 0;
    try {
      for (;;) {
        const allowance = idleMs + (received / minBytesPerSecond) * 1000 - waited;
        const start = performance.now();
        const chunk = await this.#beforeDeadline(this.#queue.next(), Math.min(idleMs, allowance));
        waited += performance.now() - start;
        this.#signal?.throwIfAborted();
        if (chunk === undefined) return;
        received += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      throw this.#signal?.aborted ? this.#signal.reason : networkError(error, this.url, this.via);
    } finally {
      this.#message.destroy();
    }
  }

  /**
   * Reads a small body whole.
   * @throws EngineshedError `RESPONSE_INVALID` where it has more than `limit` bytes, and as {@link body} does
   */
  async read(limit: number): Promise<Buffer> {
    const bytes = await this.readSome(limit + 1);
    if (bytes.byteLength <= limit) return bytes;
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${this.url.host} answered with more than the ${limit} bytes that are allowed here`,
      { details: { url: publicUrl(this.url), expected: limit } },
    );
  }

  /** Reads at most the first `limit` bytes of the body. */
  async readSome(limit: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.body()) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size >= limit) break;
    }
    return Buffer.concat(chunks).subarray(0, limit);
  }

  /** Whether nobody waits for more of the body: what there is of it is not read, and may hold the server back. */
  get isHeld(): boolean {
    return !this.#queue.isAwaited;
  }

  /** Calls back once the body is read to its end, given up or cut off; at once where it is already. */
  whenOver(listener: () => void): void {
    if (this.#message.closed) listener();
    else this.#message.once('close', listener);
  }

  /** Gives the body up; where little is left of it the connection is kept. */
  discard(): void {
    const message = this.#message;
    if (message.destroyed) return;
    const length = Number(message.headers['content-length'] ?? 0);
    if (!(length <= drainBytes)) {
      message.destroy();
      return;
    }
    const timer = setTimeout(() => message.destroy(), drainMs);
    timer.unref();
    message.once('close', () => clearTimeout(timer));
    this.#queue.drop();
  }

  /** Gives the body up and closes the connection, with a reason where somebody may still be reading. */
  destroy(reason?: Error): void {
    this.#message.destroy(reason);
  }

  async #beforeDeadline<T>(waiting: Promise<T>, ms: number): Promise<T> {
    const stall = () => this.#message.destroy(timeoutError(this.url, 'stopped sending, or sends too slowly'));
    const timer = setTimeout(stall, Math.max(0, ms));
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  }
}
