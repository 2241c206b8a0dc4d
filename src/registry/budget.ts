import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import type { Transport } from './transport.js';

/** How often a request that waits for its turn looks whether those before it wait for their readers, in milliseconds. */
const lookMs = 250;

/**
 * A transport that keeps to what each host is to be asked at once, and leaves a host alone for as long as that wants it
 * (`Retry-After`, see {@link Pace}). The host that counts is the one that answers: the registry, the service behind its redirects,
 * the token service.
 *
 * A request counts until its answer's body is read or given up. One that sends a body does not count: what it sends may come from
 * an answer of the same host. Nor is anyone kept waiting only by answers whose readers do not read on; they may be waiting for
 * just this request.
 */
export function withinBudget(transport: Transport, pace: Pace, requestsPerHost: number): Transport {
  const turns = new Map<string, Turns>();
  return {
    async exchange(request) {
      const { url, signal } = request;
      await pace.ready(url, signal);
      if (request.body !== undefined) return transport.exchange(request);
      const host = turns.get(url.host) ?? new Turns(requestsPerHost);
      turns.set(url.host, host);
      const turn = await host.take(signal);
      try {
        await pace.ready(url, signal);
        const response = await transport.exchange(request);
        turn.last(response);
        return response;
      } catch (error) {
        turn.end();
        throw error;
      }
    },
    close: () => transport.close(),
  };
}

/** The requests to one host that are under way, and those that wait for their turn, in order. */
class Turns {
  readonly #limit: number;
  readonly #running = new Set<Turn>();
  readonly #waiting: (() => void)[] = [];
  #look: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a turn. An aborted signal ends that with its reason. */
  async take(signal: AbortSignal | undefined): Promise<Turn> {
    signal?.throwIfAborted();
    const turn: Turn = new Turn(() => {
      this.#running.delete(turn);
      this.#admit();
    });
    if (this.#running.size < this.#limit) {
      this.#running.add(turn);
      return turn;
    }
    await new Promise<void>((resolve, reject) => {
      const admitted = () => {
        signal?.removeEventListener('abort', abandoned);
        this.#running.add(turn);
        resolve();
      };
      const abandoned = () => {
        this.#waiting.splice(this.#waiting.indexOf(admitted), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abandoned, { once: true });
      this.#waiting.push(admitted);
      this.#look ??= setInterval(() => this.#admit(), lookMs);
    });
    return turn;
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running.size < this.#limit) this.#waiting.shift()?.();
    if ([...this.#running].every((turn) => turn.isHeld)) this.#waiting.shift()?.();
    if (this.#waiting.length > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }
}

/** The right to have one request under way. */
class Turn {
  readonly #ended: () => void;
  #response: HttpResponse | undefined;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  /** Whether it lasts only because nobody reads the answer. */
  get isHeld(): boolean {
    return this.#response?.isHeld ?? false;
  }

  /** Lets it last until an answer is read or given up. */
  last(response: HttpResponse): void {
    this.#response = response;
    response.whenOver(() => this.end());
  }

  end(): void {
    this.#ended();
  }
}
