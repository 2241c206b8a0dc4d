import { type ByteStream, verified } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { RegistryHost, RegistryRequest } from './host.js';
import type { Limits } from './limits.js';
import { PrefixMark } from './prefix-mark.js';
import type { HttpResponse } from './response.js';
import { isRetryable } from './retry.js';
import { isWebPage, webPageError } from './status-error.js';
import { publicUrl } from './url.js';

/** So many bytes more, and the tries are counted from the start again. */
const progressBytes = 1024 * 1024;
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
  /** Looks at the headers of a complete answer (200) before anything of it is used; throws to refuse it. */
  readonly check?: (response: HttpResponse) => void;
}

/**
 * Opens a download. It streams, verified, with back-pressure; a lost connection is made good within the tries: the rest is
 * asked for by `Range` (RFC 9110, section 14), and glued on only if the answer says to be exactly that rest of the same
 * entity. Where a server cannot do so the body is read from its start again, and what was passed on already is compared.
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
  readonly #download: Download;
  #response: HttpResponse | undefined;
  /** How many bytes at the start of the present answer were passed on before. */
  #again = 0;
  #received = 0;
  #mark = new PrefixMark();
  #etag: string | undefined;

  constructor(download: Download) {
    this.#download = download;
  }

  /** Asks for the whole. */
  async open(): Promise<void> {
    const { host, request } = this.#download;
    await this.#takeWhole(await host.send(request));
  }

  /** Closes the connection. */
  close(): void {
    this.#response?.destroy();
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const { host, limits, descriptor, request } = this.#download;
    let failures = 0;
    let counted = 0;
    for (;;) {
      const failure = yield* this.#pass();
      if (this.#received >= descriptor.size) return;
      if (this.#received - counted >= progressBytes) {
        counted = this.#received;
        failures = 0;
      }
      failures++;
      if (failures >= limits.tries) throw failure ?? this.#short();
      await host.pace.pause(this.#current.url, failures, request.signal);
      await this.#resume();
    }
  }

  get #current(): HttpResponse {
    if (this.#response === undefined) throw new EngineshedError('INTERNAL', 'A download was not opened');
    return this.#response;
  }

  /** Passes on what the present answer has; returns why it ended early, where it says so. */
  async *#pass(): AsyncGenerator<Uint8Array, unknown, undefined> {
    const response = this.#current;
    const { size } = this.#download.descriptor;
    let grace: NodeJS.Timeout | undefined;
    const repeated = new PrefixMark();
    try {
      for await (const chunk of response.body()) {
        const fresh = this.#skipRepeated(chunk, repeated);
        if (fresh.byteLength === 0) continue;
        this.#received += fresh.byteLength;
        this.#mark.update(fresh);
        yield fresh;
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

  #skipRepeated(chunk: Uint8Array, repeated: PrefixMark): Uint8Array {
    if (this.#again === 0) return chunk;
    const length = Math.min(this.#again, chunk.byteLength);
    repeated.update(chunk.subarray(0, length));
    this.#again -= length;
    if (this.#again === 0 && !repeated.equals(this.#mark)) {
      throw new EngineshedError(
        'RESPONSE_INVALID',
        `${this.#current.url.host} sends other bytes for ${this.#download.what} than before the connection was lost`,
        { hint: 'Nothing was kept of it. Try again.', details: { url: publicUrl(this.#current.url) } },
      );
    }
    return chunk.subarray(length);
  }

  /** Asks for the rest, or where that fails for the whole. */
  async #resume(): Promise<void> {
    const { descriptor, request, host } = this.#download;
    if (this.#received === 0) return this.open();
    const first = this.#received;
    const response = await host.send({
      ...request,
      headers: { ...request.headers, range: `bytes=${first}-` },
    });
    const range = `bytes ${first}-${descriptor.size - 1}/`;
    const answered = response.header('content-range') ?? '';
    const exact = answered === `${range}${descriptor.size}` || answered === `${range}*`;
    const etag = response.header('etag');
    const same = this.#etag === undefined || etag === undefined || etag === this.#etag;
    if (response.status === 206 && exact && same) {
      this.#response = response;
      this.#again = 0;
      return;
    }
    if (response.status === 200) return this.#takeWhole(response);
    response.discard();
    await this.open();
  }

  /** Goes on with an answer that has the whole. */
  async #takeWhole(response: HttpResponse): Promise<void> {
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
    this.#again = this.#received;
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
