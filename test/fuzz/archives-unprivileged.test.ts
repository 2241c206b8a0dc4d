import fc from 'fast-check';
import { expect, it } from 'vitest';
import { archiveArbitrary, check, expected, stored } from '../support/archive-check.js';
import { plantCanary } from '../support/canary.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { encodePart } from '../support/hostile-archive.js';
import { temporaryDirectory } from '../support/temporary.js';
import { asOrdinaryUser } from '../support/unprivileged.js';

asOrdinaryUser();

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
