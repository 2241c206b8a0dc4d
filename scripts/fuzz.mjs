// Runs the fuzzers, the tests against oracles and all other properties far longer than a check of a change does: `npm run fuzz`,
// `npm run fuzz -- 50` for fifty times as many cases, `npm run fuzz -- 50 1234` with the seed of an earlier run.
import { readdirSync, readFileSync } from 'node:fs';
import { run, say, setUp } from './setup.mjs';

const [factor = '20', seed = String(Math.floor(Math.random() * 0x7fffffff))] = process.argv.slice(2);
const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((path) => `test/${path}`)
  .filter((path) => path.endsWith('.test.ts') && readFileSync(path, 'utf8').includes('support/fuzzing.js'));

setUp();
say(`${factor} times as many cases, with the seed ${seed}; again: npm run fuzz -- ${factor} ${seed}`);
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...tests], {
  env: { ...process.env, ENGINESHED_FUZZ_FACTOR: factor, ENGINESHED_FUZZ_SEED: seed },
});
