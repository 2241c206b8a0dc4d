import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveArbitrary, check, expected, stored } from '../support/archive-check.js';
import { plantCanary } from '../support/canary.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { encodePart } from '../support/hostile-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Root may do everything; these runs are as an ordinary user, whom modes concern. */
const isRoot = process.getuid?.() === 0;
const nobody = 65534;

beforeAll(() => {
  if (!isRoot) return;
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
});
afterAll(() => {
  if (!isRoot) return;
  process.seteuid?.(0);
  process.setegid?.(0);
});

it(
  'A01-A21 random archives of ordinary and hostile entries, as an ordinary user',
  async () => {
    const canary = plantCanary(temporaryDirectory());
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(archiveArbitrary(canary.home), async ({ parts, ending, pieces, members }) => {
        const layer = stored(Buffer.concat([...parts.map(encodePart), ending.bytes]), members);
        taken += await check(canary, layer, (links) => expected(parts, ending, links), { pieces });
      }),
      fuzzing(100),
    );
    expect(taken).toBeGreaterThan(10);
  },
  fuzzTimeout,
);
