import { describe, expect, it } from 'vitest';
import { changeNames, presentSeed, walk } from './walk.js';

// Another few calls with every commit; `npm run faults` strikes all of them.
const seed = presentSeed(process.env);
const timeout = 300_000;

describe(`with FAULTS_SEED=${seed}`, () => {
  it.each(changeNames)(
    'E01 killed at a call: %s ends the same when it is given again',
    { timeout },
    async (name) => {
      const walked = await walk(name, 'kills', { points: 5, seed });
      expect(walked.faults).toEqual([]);
      expect(walked.struck).toBeGreaterThan(2);
    },
  );

  it.each(changeNames)(
    'E01 killed at any time: %s ends the same when it is given again',
    { timeout },
    async (name) => {
      expect((await walk(name, 'random', { points: 2, seed })).faults).toEqual([]);
    },
  );

  it.each(changeNames)('E02 a call fails: %s says so and can be given again', { timeout }, async (name) => {
    const walked = await walk(name, 'errors', { points: 6, seed });
    expect(walked.faults).toEqual([]);
    expect(walked.struck).toBeGreaterThan(3);
  });
});
