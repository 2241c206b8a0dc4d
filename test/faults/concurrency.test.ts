import { expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.js';
import { storm } from './storm.js';
import { presentSeed } from './walk.js';

const seed = presentSeed(process.env);

it(`E03 32 processes do anything to one store (FAULTS_SEED=${seed})`, { timeout: 400_000 }, async () => {
  const options = { directory: temporaryDirectory(), milliseconds: 60_000, processes: 32, seed };
  const { faults, kills, commands, looks, counts } = await storm(options);
  expect(faults).toEqual([]);
  expect(kills).toBeGreaterThan(0);
  expect(looks).toBeGreaterThan(5);
  expect(commands).toBeGreaterThan(32);
  expect(counts.size).toBeGreaterThan(8);
});
