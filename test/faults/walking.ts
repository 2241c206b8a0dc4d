import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { peersRequired } from '../support/peers.js';
import type { Stand } from './stand.js';
import { untraceable } from './traced.js';
import { openStand, presentSeed, walk } from './walk.js';

// The same points for every commit: a check of a change must not fail for what it did not change. Others with FAULTS_SEED, and all of
// them with `npm run faults`.
const seed = presentSeed({ FAULTS_SEED: '189249779', ...process.env });
const reason = untraceable();
/** Where peers are required a missing strace is a failure; one that the system forbids is not. */
const untraced = reason !== undefined && !(peersRequired && reason === 'strace is missing');

/** Disturbs each of these commands at a few points. */
export function walkThrough(names: readonly string[]): void {
  vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
  describe.each(names)(`%s (FAULTS_SEED=${seed})`, (name) => {
    let stand: Stand;
    beforeAll(async () => {
      stand = await openStand(name);
    });
    afterAll(() => stand.close());

    it('E01 killed at a call, keeps what is and ends the same when it is given again', async () => {
      const { calls, struck, faults } = await walk(stand, { how: 'kills', points: 2 }, seed);
      expect(faults).toEqual([]);
      expect(struck).toBeGreaterThanOrEqual(Math.min(calls, 1));
    });

    it('E01 killed at any time, keeps what is and ends the same when it is given again', async () => {
      const { struck, faults } = await walk(stand, { how: 'random', points: 1 }, seed);
      expect(faults).toEqual([]);
      expect(struck).toBe(1);
    });

    it('E02 a call fails: says so, keeps what is and ends the same when it is given again', async () => {
      const { struck, faults } = await walk(stand, { how: 'errors', points: 2 }, seed);
      expect(faults).toEqual([]);
      expect(struck).toBeGreaterThanOrEqual(1);
    });

    it.skipIf(untraced)(
      `E01 strikes all calls that the system sees, and what it writes is durable${untraced ? ` (${reason})` : ''}`,
      async () => {
        const { struck, faults } = await walk(stand, { how: 'trace' }, seed);
        expect(faults).toEqual([]);
        expect(struck).toBeGreaterThan(0);
      },
    );
  });
}
