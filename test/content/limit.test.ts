import { describe, expect, it } from 'vitest';
import { mapLimited } from '../../src/content/index.js';

describe('work side by side', () => {
  it('begins nothing after a failure, and waits for what is under way', async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = mapLimited([0, 1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      if (item === 0) throw new Error('first');
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended++;
    });
    await expect(work).rejects.toThrow('first');
    expect([begun, ended]).toEqual([[0, 1], 1]);
  });
});
