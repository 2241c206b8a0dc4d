/** How many times as many runs as in a check of a change: `npm run fuzz` sets it. */
const factor = Number(process.env.ENGINESHED_FUZZ_FACTOR ?? 1);
const seed = process.env.ENGINESHED_FUZZ_SEED;

/**
 * The parameters of a property for fast-check: a number of runs that fits into a check of every change, more by
 * `ENGINESHED_FUZZ_FACTOR`, and another seed each time unless `ENGINESHED_FUZZ_SEED` tells one. A failure prints its seed.
 */
export function fuzzing(runs: number): { numRuns: number; seed?: number } {
  return { numRuns: Math.ceil(runs * factor), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}

/** A time in which a test ends whatever the factor is, in milliseconds: only there to find what hangs. */
export const fuzzTimeout = 120_000 * Math.max(1, factor);
