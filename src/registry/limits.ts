/** How patient the client is. Times are in milliseconds. */
export interface Limits {
  /** How often one request is sent at most, the first time included; also the uploads begun for one blob. */
  readonly tries: number;
  /** How long nothing may arrive or be taken while we wait for the other side. */
  readonly idleMs: number;
  /** How long the answer to a completely sent upload may take: registries move the blob to its final place first. */
  readonly commitMs: number;
  /** The least average rate, in bytes per second of waiting, of a body that has taken longer than `idleMs`. */
  readonly minBytesPerSecond: number;
  /** The first pause between two tries; doubled each time, up to 10 s, and varied at random. */
  readonly backoffMs: number;
  /** How many requests to one host may be under way at the same time; uploads do not count. */
  readonly requestsPerHost: number;
  /**
   * How many tries beyond the first all requests to one host have together, so that a host that is down is not hammered by many
   * who are each patient. One comes back every ten seconds, and all that led to something.
   */
  readonly retriesPerHost: number;
  /**
   * How long a download has us wait for its bytes in all before the rest of it is asked for by several requests side by side,
   * where most of its time was waiting.
   */
  readonly slowMs: number;
  /** The longest `Retry-After` that is waited for; a longer one ends the request with `RATE_LIMITED`. */
  readonly maxWaitMs: number;
}

/** What applies where nothing else is said. */
export const defaultLimits: Limits = {
  tries: 5,
  idleMs: 60_000,
  commitMs: 300_000,
  minBytesPerSecond: 1024,
  backoffMs: 250,
  requestsPerHost: 8,
  retriesPerHost: 32,
  slowMs: 1000,
  maxWaitMs: 120_000,
};
