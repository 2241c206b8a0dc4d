import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { useEngine, useFirstEngine } from '../../src/shim/index.js';
import { makeSample } from '../store/sample.js';

describe('the active engine', () => {
  it('is the first one only, where two want to be it at once', async () => {
    const { store, install } = await makeSample();
    await install('one');
    await install('two');
    const became = await Promise.all(['one', 'two'].map((name) => useFirstEngine(store, name)));
    expect([...became].sort()).toEqual([false, true]);
    expect(readlinkSync(store.paths.current)).toContain(became[0] ? 'one' : 'two');
    expect(await useFirstEngine(store, became[0] ? 'two' : 'one')).toBe(false);
  });

  it('E10 does not take the place of what is no link', async () => {
    const { store, install } = await makeSample();
    await install('one');
    writeFileSync(store.paths.current, 'mine');
    await expect(useEngine(store, 'one')).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(readFileSync(store.paths.current, 'utf8')).toBe('mine');
  });

  it('E04 is none that has lost a part', async () => {
    const { store, install } = await makeSample();
    await install('one');
    await useEngine(store, 'one');
    const { engine } = await install('two', 'extra');
    await removeTree(engine.parts[0]?.directory ?? '');
    await expect(useEngine(store, 'two')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(readlinkSync(store.paths.current)).toContain('one');
  });
});
