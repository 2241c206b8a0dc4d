import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bisect } from '../../src/release/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

it('finds the first bad one, and looks at few', { timeout: fuzzTimeout }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({ min: 2, max: 300 })
        .chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count - 1 }))),
      async ([count, firstBad]) => {
        let looks = 0;
        const found = await bisect(count, async (at) => {
          looks++;
          return at >= firstBad ? 'bad' : 'good';
        });
        expect(found).toEqual({ lastGood: firstBad - 1, firstBad, skipped: [] });
        expect(looks).toBeLessThanOrEqual(Math.ceil(Math.log2(count)));
      },
    ),
    fuzzing(100),
  );
});

it('goes around those that cannot be told, and names them where they are in question', {
  timeout: fuzzTimeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 2, maxLength: 60 }),
      fc.nat(),
      async (untold, seed) => {
        const count = untold.length;
        const firstBad = 1 + (seed % (count - 1));
        const found = await bisect(count, async (at) =>
          untold[at] ? 'skip' : at >= firstBad ? 'bad' : 'good',
        );
        expect(found.lastGood).toBeLessThan(firstBad);
        expect(found.firstBad).toBeGreaterThanOrEqual(firstBad);
        const between = Array.from(
          { length: found.firstBad - found.lastGood - 1 },
          (_, at) => found.lastGood + 1 + at,
        );
        expect(found.skipped).toEqual(between);
      },
    ),
    fuzzing(100),
  );
});
