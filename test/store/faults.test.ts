import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { acquireLock, type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import { useEngine } from '../../src/shim/index.js';
import {
  asOneChange,
  gc,
  readEngine,
  readHistory,
  rollback,
  sweepStore,
  transaction,
  uninstall,
} from '../../src/store/index.js';
import { makeSample } from './sample.js';

/** An owner that is certainly dead: this process's number with another start. */
const dead: Owner = { ...ownerOf(process.pid), start: '1' };

describe('E03 a collection that waits', () => {
  it('stops no change of several steps that began before', async () => {
    const { store } = await makeSample();
    let collecting: Promise<unknown> = Promise.resolve();
    const claims = () => readdirSync(store.paths.lock('store')).filter((name) => name.startsWith('shared'));
    await asOneChange(store, 'a test', async (within) => {
      collecting = gc(store, { generations: 1 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = claims();
      // To ask for the lock that it has is to wait for the collection, which waits for it.
      await transaction(within, 'a step', async () => expect(claims()).toEqual(before));
    });
    await collecting;
    expect(existsSync(store.paths.lock('store'))).toBe(false);
  });

  it('leaves alone what somebody uninstalled meanwhile', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await sample.install('second');
    const lock = await acquireLock(sample.store.paths.lock('selection'), 'exclusive', sample.store.owner);
    const collecting = gc(sample.store, { generations: 1, unusedMs: 0 });
    await expect.poll(() => readdirSync(sample.store.paths.lock('selection')).length).toBe(2);
    rmSync(sample.store.paths.engine('first'), { recursive: true });
    lock?.release();
    expect((await collecting).engines.map(({ name }) => name)).toEqual(['second']);
  });
});

describe('E05 a damaged state', () => {
  it('is mended in its place, so that what is right of it goes on working', async () => {
    const sample = await makeSample();
    const { engine } = await sample.install('first');
    const home = sample.store.paths.engineState('first', engine.id);
    const [right, wrong] = [`${home}/engine.json`, `${home}/env`];
    const kept = lstatSync(home).ino;
    const env = readFileSync(wrong, 'utf8');
    writeFileSync(wrong, 'not ours');
    rmSync(`${home}/sources`, { recursive: true });
    symlinkSync('/nowhere', `${home}/sources`);
    rmSync(`${home}/lock.json`);
    mkdirSync(`${home}/lock.json`);
    await sample.install('first');
    expect(lstatSync(home).ino).toBe(kept);
    expect(readFileSync(wrong, 'utf8')).toBe(env);
    expect(lstatSync(`${home}/sources`).isDirectory()).toBe(true);
    expect(lstatSync(`${home}/lock.json`).isFile()).toBe(true);
    expect(JSON.parse(readFileSync(right, 'utf8')).name).toBe('first');
    expect((await sample.plan('first')).upToDate).toBe(true);
  });
});

describe('E01 what a killed process left', () => {
  it('is swept by a command that finds nothing to change', async () => {
    const { store, install } = await makeSample();
    await install('first');
    const left = [
      `${store.paths.staging}/${ownedName(dead)}`,
      `${store.paths.lock('store')}`,
      `${store.paths.lock('history')}`,
    ];
    for (const path of left) mkdirSync(path, { recursive: true });
    writeFileSync(`${store.paths.lock('store')}/shared.${ownedName(dead)}`, '');
    await sweepStore(store);
    expect(left.filter((path) => existsSync(path))).toEqual([]);
  });

  it('does not change to where a rollback goes', async () => {
    const { store, install } = await makeSample();
    await install('first');
    await install('second');
    await install('third');
    const { position = 0 } = readHistory(store.paths);
    // A rollback that was killed after the first of its steps.
    rmSync(store.paths.engineActive('third'));
    await rollback(store, undefined);
    expect(readHistory(store.paths).position).toBe(position - 1);
    expect(readEngine(store.paths, 'second').name).toBe('second');
  });
});

describe('E02 what cannot be read', () => {
  it('is not taken for what is not there', async () => {
    const { store, install } = await makeSample();
    await install('first');
    await useEngine(store, 'first');
    // A name that is too long to be looked up fails, and with another error than that nothing is there.
    const broken = { ...store.paths, history: `${store.paths.history}/${'x'.repeat(300)}` };
    expect(() => readHistory(broken)).toThrow('ENAMETOOLONG');
  });

  it('leaves no claim on a lock that could not be looked at', async () => {
    const { store, install } = await makeSample();
    await install('first');
    const directory = store.paths.lock('test');
    // A claim of a dead process that is a directory, and so cannot be swept.
    mkdirSync(`${directory}/exclusive.${ownedName(dead)}/x`, {
      recursive: true,
    });
    await expect(acquireLock(directory, 'exclusive', store.owner)).rejects.toThrow();
    expect(readdirSync(directory)).toHaveLength(1);
    rmSync(directory, { recursive: true });
    await uninstall(store, 'first', 'deactivate');
  });
});
