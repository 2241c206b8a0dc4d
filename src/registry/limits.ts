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
  maxWaitMs: 120_000,
};
