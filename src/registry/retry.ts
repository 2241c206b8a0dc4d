import { setTimeout as timer } from 'node:timers/promises';
import type { Reporter } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Limits } from './limits.js';
import type { HttpResponse } from './response.js';
import { parseRetryAfter } from './retry-after.js';
import { publicUrl } from './url.js';

/** 500 too: the distribution project's registry answers so while another client is writing the same blob or tag. */
const retryableStatuses = new Set([408, 429, 500, 502, 503, 504]);
/** The longest pause between two tries where the server does not say how long, in milliseconds. */
const maxBackoffMs = 10_000;
/** How long until a host's budget of retries has one more, in milliseconds. */
const refillMs = 10_000;
/** So many bytes more, and the failures of a transfer are counted from the start again. */
const progressBytes = 1024 * 1024;

/** Tells whether an error may be gone at the next try. */
export function isRetryable(error: unknown): error is EngineshedError {
  return isEngineshedError(error, 'NETWORK_FAILED', 'TIMEOUT');
}

/** Tells whether an answer may be another one at the next try. */
export function isRetryableAnswer(response: HttpResponse): boolean {
  return retryableStatuses.has(response.status);
}

/** What ends {@link Pace.persist} early. */
interface Persistence {
  readonly signal?: AbortSignal | undefined;
  /** Tells of an answer that it is taken as it is. */
  readonly isFinal?: ((response: HttpResponse) => boolean) | undefined;
}

/** What is known of a host. */
interface HostPace {
  /** Until when it wants to be left alone, on the monotonic clock. */
  notBefore: number;
  /** How many retries there are left, as of a time on the monotonic clock. */
  retries: number;
  countedAt: number;
}

/**
 * Spaces out tries. What one request learns about a host (`Retry-After`, overload) holds for all requests to that host, and all
 * have one budget of tries beyond their first.
 */
export class Pace {
  readonly #hosts = new Map<string, HostPace>();
  readonly #limits: Limits;
  readonly #report: Reporter;

  constructor(limits: Limits, report: Reporter) {
    this.#limits = limits;
    this.#report = report;
  }

  /**
   * Sends a request, again where it failed in a way that may pass, until the tries are used up. Then the last failure is
   * thrown, or the last answer returned.
   * @throws EngineshedError `RATE_LIMITED` where the host asks for a longer pause than we make, and as `attempt` does
   */
  async persist(
    url: URL,
    attempt: () => Promise<HttpResponse>,
    options: Persistence = {},
  ): Promise<HttpResponse> {
    const { signal, isFinal = () => false } = options;
    for (let tries = 1; ; tries++) {
      try {
        const response = await attempt();
        if (!isRetryableAnswer(response) || isFinal(response)) {
          this.giveBack(response.url, tries - 1);
          return response;
        }
        if (!this.allowsAnother(response.url, tries)) return response;
        response.discard();
        await this.pauseAfterAnswer(response, tries, signal);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        const failed = failedAt(error) ?? url;
        if (!this.allowsAnother(failed, tries)) throw error;
        await this.pause(failed, tries, signal);
      }
    }
  }

  /**
   * Tells whether a request that failed may be sent again, and takes that from the host's budget.
   * @param tries how often it was sent so far
   */
  allowsAnother(url: URL, tries: number): boolean {
    const host = this.#host(url);
    if (tries >= this.#limits.tries || host.retries < 1) return false;
    host.retries--;
    return true;
  }

  /** Gives tries back to a host's budget that were not in vain. */
  giveBack(url: URL, retries: number): void {
    this.#refill(this.#host(url), retries);
  }

  /** Waits until the host may be asked. */
  async ready(url: URL, signal?: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const wait = this.#host(url).notBefore - performance.now();
      if (wait <= 0) return;
      await sleep(wait, signal);
    }
  }

  /** Pauses after a failure of the connection; `tries` is how many there were so far. */
  async pause(url: URL, tries: number, signal?: AbortSignal | undefined): Promise<void> {
    const wait = this.#backoff(tries);
    this.#report({ type: 'waiting', what: `${url.host}: the connection failed, trying again` });
    await sleep(wait, signal);
  }

  /**
   * Pauses after an answer that asks to come back later, as long as it asks.
   * @throws EngineshedError `RATE_LIMITED` where that is too long
   */
  async pauseAfterAnswer(
    response: HttpResponse,
    tries: number,
    signal?: AbortSignal | undefined,
  ): Promise<void> {
    const host = this.#host(response.url);
    const asked = parseRetryAfter(response.header('retry-after'), response.header('date'));
    if (asked !== undefined && asked > this.#limits.maxWaitMs) throw rateLimited(response, asked);
    const wait = asked === undefined ? this.#backoff(tries) : asked + Math.random() * this.#limits.backoffMs;
    host.notBefore = Math.max(performance.now() + wait, host.notBefore);
    this.#report({
      type: 'waiting',
      what: `${response.url.host}: it answered ${response.status}, trying again in ${Math.ceil(wait / 1000)} s`,
    });
    await this.ready(response.url, signal);
  }

  #host({ host }: URL): HostPace {
    const now = performance.now();
    const known = this.#hosts.get(host);
    if (known === undefined) {
      const made = { notBefore: 0, retries: this.#limits.retriesPerHost, countedAt: now };
      this.#hosts.set(host, made);
      return made;
    }
    this.#refill(known, (now - known.countedAt) / refillMs);
    known.countedAt = now;
    return known;
  }

  #refill(host: HostPace, retries: number): void {
    host.retries = Math.min(this.#limits.retriesPerHost, host.retries + retries);
  }

  #backoff(tries: number): number {
    const full = Math.min(maxBackoffMs, this.#limits.backoffMs * 2 ** (tries - 1));
    return full / 2 + (Math.random() * full) / 2;
  }
}

/** Counts how often one transfer broke off since it last moved on. */
export class Setbacks {
  readonly #pace: Pace;
  #offset: number;
  #failures = 0;

  /** @param offset where the transfer begins, in bytes */
  constructor(pace: Pace, offset: number) {
    this.#pace = pace;
    this.#offset = offset;
  }

  /**
   * Counts one more.
   * @param offset how far the transfer has come, in bytes
   * @param url where it came from
   */
  count(offset: number, url: URL): number {
    if (offset - this.#offset >= progressBytes) {
      this.over(url);
      this.#offset = offset;
    }
    this.#failures++;
    return this.#failures;
  }

  /** Notes that the transfer has come to its end. */
  over(url: URL): void {
    this.#pace.giveBack(url, this.#failures);
    this.#failures = 0;
  }
}

/** The address whose server failed, which after a redirect is another than the one that was asked. */
function failedAt(error: EngineshedError): URL | undefined {
  const { url } = error.details;
  return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
}

/** Sleeps; an aborted signal ends that with its reason. */
async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await timer(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

function rateLimited(response: HttpResponse, askedMs: number): EngineshedError {
  const seconds = Math.ceil(askedMs / 1000);
  return new EngineshedError(
    'RATE_LIMITED',
    `${response.url.host} answered ${response.status} and asks to come back in ${seconds} s`,
    {
      hint: 'Try again then. Many registries allow more to those who are logged in.',
      details: { url: publicUrl(response.url), status: response.status },
    },
  );
}
