import { type Beginning, type ByteStream, verified } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { RegistryHost, RegistryRequest } from './host.js';
import type { Limits } from './limits.js';
import { PrefixMark } from './prefix-mark.js';
import { isRange, pieceBytes, RangesAhead, rangeHeaders } from './ranges.js';
import type { HttpResponse } from './response.js';
import { isRetryable, Setbacks } from './retry.js';
import { isWebPage, webPageError } from './status-error.js';
import { publicUrl } from './url.js';

/** How long the end of a body without a length is waited for when all that is wanted is there, in milliseconds. */
const endGraceMs = 1000;

/** What to download, and from where. */
export interface Download {
  readonly host: RegistryHost;
  readonly limits: Limits;
  readonly descriptor: Descriptor;
  /** What it is called in errors. */
  readonly what: string;
  /** The GET request, without a range. */
  readonly request: RegistryRequest;
  /** What is there already; only the rest is asked for. */
  readonly beginning?: Beginning | undefined;
  /**
   * Where the same content is asked for when it failed here, from where it broke off; undefined where there is no other place.
   * May throw another error instead.
   */
  readonly elsewhere?: ((error: unknown) => Download | undefined) | undefined;
  /** Looks at the headers of a complete answer (200) before anything of it is used; throws to refuse it. */
  readonly check?: (response: HttpResponse) => void;
}

/**
 * Opens a download. It streams, verified, with back-pressure; a lost connection is made good within the tries: the rest is
 * asked for by `Range` (RFC 9110, section 14), and glued on only if the answer says to be exactly that rest of the same
 * entity. Where a server cannot do so the body is read from its start again, and what was passed on already is compared.
 * A place that fails for good is left for the next, where there is one. What is slow to come is asked for by several requests side by side, where the server can do that (see {@link RangesAhead}).
 * @throws EngineshedError `CONTENT_NOT_FOUND`, `RESPONSE_INVALID`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, and as
 * `RegistryHost.send` and `HttpResponse.body` do
 */
export async function openDownload(download: Download): Promise<ByteStream> {
  const body = new ResumingBody(download);
  await body.open();
  const stream = verified(body.bytes(), download.descriptor);
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => stream.next(),
    return: async () => {
      // A generator that was not begun would not close what it was made for.
      body.close();
      await stream.return();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

class ResumingBody {
  #download: Download;
  #response: HttpResponse | undefined;
  /** How many bytes at the start of the present answer were passed on before. */
  #again = 0;
  #received = 0;
  #mark = new PrefixMark();
  #etag: string | undefined;
  #ahead: RangesAhead | undefined;
  #mayGoAhead = true;

  constructor(download: Download) {
    this.#download = download;
  }

  /** Asks for what is not there yet. */
  async open(): Promise<void> {
    const { size } = this.#download.descriptor;
    const there = this.#beginning?.size ?? 0;
    if (there >= size && size !== 0) return;
    try {
      await this.#ask(there);
    } catch (error) {
      await this.#goElsewhere(error, there);
    }
  }

  /** Closes the connection. */
  close(): void {
    this.#response?.destroy();
    this.#ahead?.close();
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#beginning !== undefined) yield* this.#repeat(this.#beginning);
    if (this.#response === undefined) return;
    for (;;) {
      try {
        yield* this.#rest();
        return;
      } catch (error) {
        await this.#goElsewhere(error, this.#received);
      }
    }
  }

  /** Passes on the rest from one place. */
  async *#rest(): AsyncGenerator<Uint8Array, void, undefined> {
    const { host, descriptor, request } = this.#download;
    const setbacks = new Setbacks(host.pace, this.#received);
    try {
      for (;;) {
        const failure = yield* this.#pass();
        const { url } = this.#current;
        if (this.#received >= descriptor.size) {
          setbacks.over(url);
          return;
        }
        const failures = setbacks.count(this.#received, url);
        if (!host.pace.allowsAnother(url, failures)) throw failure ?? this.#short();
        await host.pace.pause(url, failures, request.signal);
        await this.#ask(this.#received);
      }
    } finally {
      this.#ahead?.close();
    }
  }

  /** Asks for what is missing at the next place, or the one after it. */
  async #goElsewhere(failure: unknown, first: number): Promise<void> {
    let error = failure;
    for (;;) {
      const next = this.#download.elsewhere?.(error);
      if (next === undefined) throw error;
      this.close();
      this.#download = next;
      this.#etag = undefined;
      this.#ahead = undefined;
      this.#mayGoAhead = true;
      try {
        return await this.#ask(first);
      } catch (again) {
        error = again;
      }
    }
  }

  /** What is there already; undefined where that is more than there should be. */
  get #beginning(): Beginning | undefined {
    const { beginning, descriptor } = this.#download;
    return beginning !== undefined && beginning.size <= descriptor.size ? beginning : undefined;
  }

  get #current(): HttpResponse {
    if (this.#response === undefined) throw new EngineshedError('INTERNAL', 'A download was not opened');
    return this.#response;
  }

  /** Passes on what is there already. Where that is less than was said, what was asked for is not what follows. */
  async *#repeat(beginning: Beginning): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of await beginning.open()) yield this.#taken(chunk);
    if (this.#received >= beginning.size) return;
    this.#response?.destroy();
    await this.#ask(this.#received);
  }

  /** Passes on what the present answer has; returns why it ended early, where it says so. */
  async *#pass(): AsyncGenerator<Uint8Array, unknown, undefined> {
    const response = this.#current;
    const { size } = this.#download.descriptor;
    let grace: NodeJS.Timeout | undefined;
    const repeated = new PrefixMark();
    const began = performance.now();
    let waited = 0;
    let asked = began;
    try {
      for await (const chunk of response.body()) {
        waited += performance.now() - asked;
        let fresh = this.#skipRepeated(chunk, repeated);
        if (fresh.byteLength > 0) {
          this.#goAhead(waited, performance.now() - began);
          const ours = this.#ahead === undefined ? fresh.byteLength : this.#ahead.from - this.#received;
          if (ours < fresh.byteLength) {
            if (ours > 0) yield this.#taken(fresh.subarray(0, ours));
            if (yield* this.#takeOver()) return undefined;
            fresh = fresh.subarray(ours);
          }
          yield this.#taken(fresh);
        }
        asked = performance.now();
        // The descriptor's size decides: a body that does not end is not waited for, but one that goes on is noticed.
        if (this.#received >= size && response.contentLength === undefined)
          grace ??= setTimeout(() => response.destroy(), endGraceMs);
      }
      return undefined;
    } catch (error) {
      if (this.#received >= size || isRetryable(error)) return error;
      throw error;
    } finally {
      clearTimeout(grace);
    }
  }

  #taken(chunk: Uint8Array): Uint8Array {
    this.#received += chunk.byteLength;
    this.#mark.update(chunk);
    return chunk;
  }

  /** Begins to ask for what is far ahead, where the present answer is slow. */
  #goAhead(waitedMs: number, elapsedMs: number): void {
    const { limits, descriptor } = this.#download;
    const isSlow = waitedMs >= limits.slowMs && waitedMs * 2 >= elapsedMs;
    const from = this.#received + pieceBytes;
    if (!isSlow || !this.#mayGoAhead || this.#ahead !== undefined) return;
    if (descriptor.size - from >= pieceBytes) this.#ahead = new RangesAhead(this.#download, from, this.#etag);
  }

  /**
   * Goes on with what was fetched ahead, as far as there is any, and gives the present answer up for it. Nothing is given up
   * where the server turns out to give no ranges.
   * @returns whether it did
   */
  async *#takeOver(): AsyncGenerator<Uint8Array, boolean, undefined> {
    const ahead = this.#ahead as RangesAhead;
    let any = false;
    for (;;) {
      const piece = await ahead.next();
      if (piece.length === 0) break;
      if (!any) this.#current.destroy();
      any = true;
      for (const chunk of piece) yield this.#taken(chunk);
    }
    this.#ahead = undefined;
    this.#mayGoAhead = !ahead.refused;
    return any;
  }

  #skipRepeated(chunk: Uint8Array, repeated: PrefixMark): Uint8Array {
    if (this.#again === 0) return chunk;
    const length = Math.min(this.#again, chunk.byteLength);
    repeated.update(chunk.subarray(0, length));
    this.#again -= length;
    if (this.#again === 0 && !repeated.equals(this.#mark)) {
      throw new EngineshedError(
        'DIGEST_MISMATCH',
        `${this.#current.url.host} sends other bytes for ${this.#download.what} than those that are there of it`,
        { hint: 'Nothing was kept of it. Try again.', details: { url: publicUrl(this.#current.url) } },
      );
    }
    return chunk.subarray(length);
  }

  /** Asks for what follows the first bytes, or where that fails for the whole. */
  async #ask(first: number): Promise<void> {
    const { descriptor, request, host } = this.#download;
    if (first === 0) return this.#takeWhole(await host.send(request), first);
    const response = await host.send({
      ...request,
      headers: { ...request.headers, ...rangeHeaders(first, undefined, this.#etag) },
    });
    if (isRange(response, first, descriptor.size - 1, descriptor.size, this.#etag)) {
      this.#response = response;
      this.#again = 0;
      this.#etag ??= response.header('etag');
      return;
    }
    if (response.status === 200) return this.#takeWhole(response, first);
    response.discard();
    await this.#takeWhole(await host.send(request), first);
  }

  /** Goes on with an answer that has the whole, also the first bytes. */
  async #takeWhole(response: HttpResponse, first: number): Promise<void> {
    const { host, what, descriptor, check } = this.#download;
    if (response.status !== 200) throw await host.refusal(response, { what });
    try {
      check?.(response);
      const { contentLength } = response;
      if (isWebPage(response) && contentLength !== descriptor.size) throw webPageError(response, what);
      if (contentLength !== undefined && contentLength > descriptor.size) throw this.#long(contentLength);
    } catch (error) {
      response.discard();
      throw error;
    }
    this.#response = response;
    this.#again = first;
    this.#etag = response.header('etag');
  }

  #long(actual: number): EngineshedError {
    return this.#sizeMismatch(`is offered with ${actual}`, actual);
  }

  #short(): EngineshedError {
    return this.#sizeMismatch(
      `ended after ${this.#received}, each time that it was asked for`,
      this.#received,
    );
  }

  #sizeMismatch(fault: string, actual: number): EngineshedError {
    const { descriptor, what } = this.#download;
    return new EngineshedError(
      'SIZE_MISMATCH',
      `${what} (${descriptor.digest}) should have ${descriptor.size} bytes and ${fault}`,
      {
        hint: 'Nothing was kept of it. Try again; if it stays so, the registry is damaged or not to be trusted.',
        details: { expected: descriptor.size, actual },
      },
    );
  }
}
