import { expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.js';
import { storm } from './storm.js';
import { presentSeed } from './walk.js';

const seed = presentSeed(process.env);
/** How long it storms here, in milliseconds; `npm run faults -- storm` does so for longer. */
const milliseconds = 120_000;

it(`E03 32 processes do anything to one store (FAULTS_SEED=${seed})`, { timeout: 600_000 }, async () => {
  const directory = temporaryDirectory();
  const { faults, kills, commands, looks, counts } = await storm({
    directory,
    milliseconds,
    processes: 32,
    seed,
  });
  expect(faults).toEqual([]);
  expect(kills).toBeGreaterThan(0);
  expect(looks).toBeGreaterThan(5);
  expect(commands).toBeGreaterThan(32);
  expect(counts.size).toBeGreaterThan(8);
});
