import { setTimeout as timer } from 'node:timers/promises';
import type { Reporter } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import type { Limits } from './limits.js';
import type { HttpResponse } from './response.js';
import { parseRetryAfter } from './retry-after.js';
import { publicUrl } from './url.js';

const retryableStatuses = new Set([408, 429, 502, 503, 504]);
/** The longest pause between two tries where the server does not say how long, in milliseconds. */
const maxBackoffMs = 10_000;

/** Tells whether an error may be gone at the next try. */
export function isRetryable(error: unknown): boolean {
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

/**
 * Spaces out tries. What one request learns about a host (`Retry-After`, overload) holds for all requests to that host.
 */
export class Pace {
  /** Until when a host wants to be left alone, on the monotonic clock. */
  readonly #notBefore = new Map<string, number>();
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
      await this.ready(url, signal);
      try {
        const response = await attempt();
        if (!isRetryableAnswer(response) || isFinal(response) || tries >= this.#limits.tries) return response;
        response.discard();
        await this.pauseAfterAnswer(response, tries, signal);
      } catch (error) {
        if (!isRetryable(error) || tries >= this.#limits.tries) throw error;
        await this.pause(url, tries, signal);
      }
    }
  }

  /** Waits until the host may be asked. */
  async ready(url: URL, signal?: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const wait = (this.#notBefore.get(url.host) ?? 0) - performance.now();
      if (wait <= 0) return;
      await sleep(wait, signal);
    }
  }

  /** Pauses after a failure of the connection; `tries` is how many there were so far. */
  async pause(url: URL, tries: number, signal?: AbortSignal | undefined): Promise<void> {
    const wait = this.#backoff(tries);
    this.#report({ type: 'waiting', what: `the connection to ${url.host} failed, trying again` });
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
    const { host } = response.url;
    const asked = parseRetryAfter(response.header('retry-after'), response.header('date'));
    if (asked !== undefined && asked > this.#limits.maxWaitMs) throw rateLimited(response, asked);
    const wait = asked === undefined ? this.#backoff(tries) : asked + Math.random() * this.#limits.backoffMs;
    const until = performance.now() + wait;
    this.#notBefore.set(host, Math.max(until, this.#notBefore.get(host) ?? 0));
    this.#report({
      type: 'waiting',
      what: `${host} answered ${response.status}, trying again in ${Math.ceil(wait / 1000)} s`,
    });
    await this.ready(response.url, signal);
  }

  #backoff(tries: number): number {
    const full = Math.min(maxBackoffMs, this.#limits.backoffMs * 2 ** (tries - 1));
    return full / 2 + (Math.random() * full) / 2;
  }
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
