import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownedName, ownerOf } from '../../src/files/index.js';
import { useEngine } from '../../src/shim/index.js';
import {
  gc,
  noteUse,
  planGc,
  readCurrent,
  readEngine,
  readHistory,
  rollback,
  transaction,
  uninstall,
  verify,
} from '../../src/store/index.js';
import { mark, unmark } from '../../src/store/mark.js';
import { failing, seenAtEachCall, withCalls } from '../support/calls.js';
import { archive, file } from '../support/tar-archive.js';
import { publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

const day = 24 * 3600 * 1000;

/** `first` stood for one state and stands for another since; `second` is installed too. Three generations. */
async function makeMoved(): Promise<Sample & { readonly ids: readonly [string, string] }> {
  const sample = await makeSample();
  const before = await sample.install('first', 'base');
  const after = await sample.install('first', 'extra');
  await sample.install('second', 'base');
  return { ...sample, ids: [before.engine.id, after.engine.id] };
}

function numbersOf({ store }: Sample): number[] {
  return readHistory(store.paths).generations.map(({ number }) => number);
}

async function faultsOf({ store }: Sample): Promise<unknown[]> {
  return (await verify(store, { mode: 'full', platform: 'linux' })).faults.map(({ path }) => path);
}

function at({ store }: Sample, milliseconds: number) {
  return { ...store, now: () => new Date(milliseconds) };
}

describe('a collection', () => {
  it('takes nothing that an engine needs, and all that none needs', async () => {
    const sample = await makeSample();
    await publishArchives(sample, 'tree', [archive(file('a', 'a')), archive(file('b', 'b'))]);
    await sample.install('first', 'tree', 'base');
    await sample.install('second', 'extra');
    await gc(sample.store, { generations: 1 });
    expect(await faultsOf(sample)).toEqual([]);
    expect((await sample.plan('first', 'tree', 'base')).upToDate).toBe(true);
    expect((await sample.plan('second', 'extra')).upToDate).toBe(true);
    await uninstall(sample.store, 'first', 'refuse');
    await uninstall(sample.store, 'second', 'refuse');
    for (const kind of ['layers', 'blobs', 'trees'])
      expect(
        readdirSync(`${sample.store.paths.root}/${kind}`, { recursive: true }).filter(
          (name) => name !== 'sha256',
        ),
        kind,
      ).toEqual([]);
    expect(readdirSync(sample.store.paths.engines)).toEqual([]);
  });

  it('keeps what names stand for, however old', async () => {
    const sample = await makeMoved();
    rmSync(sample.store.paths.history, { recursive: true });
    mkdirSync(sample.store.paths.history);
    // As a killed process leaves it: the last generation does not tell what the name stands for.
    await gc(sample.store, { generations: 1 });
    rmSync(`${sample.store.paths.history}/1.json`, { force: true });
    await gc({ ...sample.store, changes: 'steps' }, { generations: 1 }).catch(() => {});
    expect(await faultsOf(sample)).toEqual([]);
    expect(readEngine(sample.store.paths, 'first').id).toBe(sample.ids[1]);
  });

  it('keeps what each kept generation stands for', async () => {
    const sample = await makeMoved();
    await gc(sample.store, { generations: 3 });
    expect(numbersOf(sample)).toEqual([1, 2, 3]);
    await rollback(sample.store, 1);
    expect(readEngine(sample.store.paths, 'first').id).toBe(sample.ids[0]);
    await rollback(sample.store, 3);
    await gc(sample.store, { generations: 2 });
    expect(numbersOf(sample)).toEqual([2, 3]);
    expect(existsSync(sample.store.paths.engineState('first', sample.ids[0]))).toBe(false);
    expect(await faultsOf(sample)).toEqual([]);
  });

  it('keeps a name with states that a generation needs, though it is not installed', async () => {
    const sample = await makeMoved();
    await rollback(sample.store, 1);
    await gc(sample.store, { generations: 3 });
    await rollback(sample.store, 3);
    expect(readEngine(sample.store.paths, 'second').name).toBe('second');
  });

  it('keeps a name that is installed and has no state, which a repair or an install mends', async () => {
    const sample = await makeSample();
    const { engine } = await sample.install('first');
    rmSync(sample.store.paths.engineState('first', engine.id), { recursive: true });
    await gc(sample.store, { generations: 1 });
    expect(readlinkSync(sample.store.paths.engineActive('first'))).toBe(engine.id);
  });

  it('keeps the generation that the store is at', async () => {
    const sample = await makeMoved();
    await rollback(sample.store, 1);
    await gc(sample.store, { generations: 1 });
    expect(numbersOf(sample)).toEqual([1, 3]);
  });

  it('keeps the index that an image was chosen from', async () => {
    const sample = await makeSample();
    const { engine } = await sample.install('first', 'base');
    const { base } = engine.sources;
    if (base?.kind !== 'layout') throw new Error('no layout');
    // An image of one platform has no index; any other file of the store may stand for one.
    const index = `sha256:${'a'.repeat(64)}` as const;
    const path = `${sample.store.paths.engineState('first', engine.id)}/engine.json`;
    writeFileSync(path, JSON.stringify({ ...engine, sources: { base: { ...base, resolved: index } } }));
    writeFileSync(sample.store.paths.blob(index as never), '');
    await gc(sample.store, { generations: 1 });
    expect(existsSync(sample.store.paths.blob(index as never))).toBe(true);
  });

  it('E05 takes nothing where a record that decides is damaged', async () => {
    const sample = await makeMoved();
    const record = `${sample.store.paths.engineState('second', readEngine(sample.store.paths, 'second').id)}/engine.json`;
    const layers = () => readdirSync(`${sample.store.paths.layers}/sha256`);
    const before = layers();
    writeFileSync(record, '{');
    await expect(gc(sample.store, { generations: 1 })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(layers()).toEqual(before);
  });

  it('E05 after an uninstall takes nothing where the record of another engine is damaged', async () => {
    const sample = await makeSample();
    await sample.install('first', 'base');
    const { engine } = await sample.install('second', 'extra');
    writeFileSync(`${sample.store.paths.engineState('second', engine.id)}/engine.json`, '{');
    const layers = () => readdirSync(`${sample.store.paths.layers}/sha256`);
    const before = layers();
    await expect(uninstall(sample.store, 'first', 'refuse')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(layers()).toEqual(before);
  });

  it('E01 takes each thing in one step, what leads to it first', async () => {
    const sample = await makeSample();
    const { engine, plan } = await sample.install('first', 'base');
    await sample.install('second', 'extra');
    const home = sample.store.paths.layer(plan.fetch[0]?.diffId ?? ('' as never));
    const state = sample.store.paths.engineState('first', engine.id);
    const files = () => (existsSync(home) ? readdirSync(home).sort().join(' ') : 'gone');
    const seen = await seenAtEachCall(
      () => `${existsSync(state) ? 'state' : 'no state'}: ${files()}`,
      () => uninstall(sample.store, 'first', 'refuse'),
    );
    const whole = '.inventory base layer.json';
    expect(seen).toEqual([`state: ${whole}`, `no state: ${whole}`, 'no state: gone']);
  });

  it('E01 gc leaves nothing of killed processes', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const dead = { ...ownerOf(process.pid), start: '1' };
    const left = `${sample.store.paths.staging}/${ownedName(dead)}`;
    mkdirSync(left);
    await gc(sample.store, { generations: 1 });
    expect(existsSync(left)).toBe(false);
  });

  it('leaves interrupted downloads to gc', async () => {
    const sample = await makeSample();
    await sample.install('first', 'base');
    await sample.install('second', 'base');
    const partial = `${sample.store.paths.partial}/sha256-${'a'.repeat(64)}.${'b'.repeat(16)}`;
    writeFileSync(partial, 'x');
    const now = at(sample, Date.now());
    await uninstall(now, 'second', 'refuse');
    expect(existsSync(partial), 'after an uninstall').toBe(true);
    await gc(now, { generations: 1 });
    expect(existsSync(partial), 'after gc').toBe(false);
  });
});

describe('what is not used', () => {
  it('gc keeps the active engine, what was used, and what was installed lately', async () => {
    const sample = await makeSample();
    for (const name of ['active', 'used', 'installed', 'neither']) await sample.install(name, 'base');
    await useEngine(sample.store, 'active');
    noteUse(sample.store.paths, 'used', new Date(35 * day));
    noteUse(sample.store.paths, 'installed', new Date(day));
    const { id } = readEngine(sample.store.paths, 'installed');
    const record = `${sample.store.paths.engineState('installed', id)}/engine.json`;
    const made = JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(record, JSON.stringify({ ...made, installed: new Date(35 * day).toISOString() }));
    const retention = { generations: 1, unusedMs: 30 * day };
    expect(planGc(at(sample, 40 * day), retention).engines.map(({ name }) => name)).toEqual(['neither']);
    const { engines } = await gc(at(sample, 40 * day), retention);
    expect(engines.map(({ name }) => name)).toEqual(['neither']);
    expect(readdirSync(sample.store.paths.engines)).toEqual(['active', 'installed', 'used']);
  });

  it('E07 use is noted in no file that a link leads to, and waits for no pipe', {
    timeout: 10_000,
  }, async () => {
    const sample = await makeSample();
    await sample.install('first');
    const used = sample.store.paths.engineUsed('first');
    writeFileSync(`${sample.directory}/mine`, '');
    utimesSync(`${sample.directory}/mine`, 1, 1);
    symlinkSync(`${sample.directory}/mine`, used);
    noteUse(sample.store.paths, 'first', new Date());
    expect(lstatSync(`${sample.directory}/mine`).mtimeMs).toBe(1000);
    rmSync(used);
    execFileSync('mkfifo', [used]);
    noteUse(sample.store.paths, 'first', new Date());
  });

  it('E08 use is not noted where nothing can be written', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const readOnly = failing('EROFS', (path) => path.endsWith('/used'));
    await withCalls({ openSync: readOnly }, () => noteUse(sample.store.paths, 'first', new Date()));
  });
});

describe('an uninstall', () => {
  it('E09 refuses the active engine, and else deactivates it first', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await useEngine(sample.store, 'first');
    await expect(uninstall(sample.store, 'first', 'refuse')).rejects.toMatchObject({ code: 'ENGINE_ACTIVE' });
    expect(readEngine(sample.store.paths, 'first').name).toBe('first');
    const look = () => {
      const name = readCurrent(sample.store.paths);
      return `${name} ${name !== undefined && existsSync(sample.store.paths.current)}`;
    };
    const seen = await seenAtEachCall(look, () => uninstall(sample.store, 'first', 'deactivate'));
    expect(seen).toEqual(['first true', 'undefined false']);
  });

  it('makes nothing where the engine is not installed', async () => {
    const sample = await makeSample();
    const uninstalling = uninstall(sample.store, 'first', 'refuse');
    await expect(uninstalling).rejects.toMatchObject({ code: 'ENGINE_NOT_INSTALLED' });
    expect(existsSync(sample.store.paths.root), 'not installed').toBe(false);
  });

  it('takes nothing of an engine that is kept for going forth only', async () => {
    const sample = await makeMoved();
    await rollback(sample.store, 1);
    for (const whenUsed of ['refuse', 'deactivate'] as const)
      await expect(uninstall(sample.store, 'second', whenUsed)).rejects.toMatchObject({
        code: 'ENGINE_NOT_INSTALLED',
        hint: expect.stringContaining('engineshed history'),
      });
    await rollback(sample.store, 3);
    expect(readEngine(sample.store.paths, 'second').name).toBe('second');
  });
});

describe('a rollback', () => {
  it('E04 leads to nothing that is not whole: GENERATION_INCOMPLETE', async () => {
    const sample = await makeMoved();
    const incomplete = () =>
      expect(rollback(sample.store, 1)).rejects.toMatchObject({ code: 'GENERATION_INCOMPLETE' });
    const home = sample.store.paths.engineState('first', sample.ids[0]);
    const { directory = '' } = JSON.parse(readFileSync(`${home}/engine.json`, 'utf8')).sources.base;
    mark(directory);
    await incomplete();
    unmark(directory);
    const record = readFileSync(`${home}/engine.json`, 'utf8');
    writeFileSync(`${home}/engine.json`, record.replace('"name": "first"', '"name": "other"'));
    await incomplete();
    writeFileSync(`${home}/engine.json`, record.replaceAll(directory, `${directory}-gone`));
    await incomplete();
    rmSync(`${home}/engine.json`);
    await incomplete();
    expect(readEngine(sample.store.paths, 'first').id).toBe(sample.ids[1]);
    writeFileSync(`${home}/engine.json`, record);
    await rollback(sample.store, 1);
    expect(readHistory(sample.store.paths).position).toBe(1);
  });

  it('E07 replaces no directory that stands in the place of the link', async () => {
    const sample = await makeMoved();
    mkdirSync(`${sample.store.paths.current}/mine`, { recursive: true });
    await expect(rollback(sample.store, 1)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    await useEngineBroken(sample);
    expect(existsSync(`${sample.store.paths.current}/mine`)).toBe(true);
  });
});

async function useEngineBroken({ store }: Sample): Promise<void> {
  await expect(useEngine(store, 'first')).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
}

describe('the history', () => {
  it('E02 is not taken for a shorter one where it cannot be read', async () => {
    const sample = await makeMoved();
    const unreadable = failing('EIO', (path) => path.endsWith('/history/1.json'));
    await withCalls({ readFileSync: unreadable }, () =>
      expect(() => readHistory(sample.store.paths)).toThrow('EIO'),
    );
  });

  const damages: [string, string][] = [
    ['half written', '{"number":1,'],
    ['nothing', 'null'],
    ['a list', '[]'],
    ['under another number', '{"number":3,"time":"","change":"","active":null,"engines":{}}'],
    ['without a time', '{"number":1,"change":"","active":null,"engines":{}}'],
    ['without a change', '{"number":1,"time":"","active":null,"engines":{}}'],
    ['without what was active', '{"number":1,"time":"","change":"","engines":{}}'],
    ['without engines', '{"number":1,"time":"","change":"","active":null,"engines":null}'],
    ['with engines that have no id', '{"number":1,"time":"","change":"","active":null,"engines":{"x":1}}'],
  ];
  it('E05 leaves out what is no whole generation', async () => {
    const sample = await makeMoved();
    const whole = readFileSync(`${sample.store.paths.history}/2.json`, 'utf8');
    writeFileSync(`${sample.store.paths.history}/02.json`, whole);
    writeFileSync(`${sample.store.paths.history}/x.json`, '{}');
    for (const [what, text] of damages) {
      writeFileSync(`${sample.store.paths.history}/1.json`, text);
      expect(numbersOf(sample), what).toEqual([2, 3]);
    }
  });

  it('E05 is at no generation where its position is no number', async () => {
    const sample = await makeMoved();
    for (const text of ['x', '1.5', 'NaN', '1e999']) {
      writeFileSync(`${sample.store.paths.history}/position`, text);
      expect(readHistory(sample.store.paths).position, text).toBe(undefined);
    }
  });

  it('has no generation for what changes nothing, and numbers above all others', async () => {
    const sample = await makeMoved();
    await transaction(sample.store, 'nothing', async () => {});
    expect(numbersOf(sample)).toEqual([1, 2, 3]);
    await rollback(sample.store, 1);
    await useEngine(sample.store, 'first');
    expect(numbersOf(sample)).toEqual([1, 2, 3, 4]);
    expect(readHistory(sample.store.paths).position).toBe(4);
  });

  it('E01 tells what a killed process did, and knows a rollback that was killed', async () => {
    const sample = await makeMoved();
    const { paths } = sample.store;
    symlinkSync('engines/second/active', paths.current);
    await useEngine(sample.store, 'first');
    expect(
      readHistory(paths)
        .generations.slice(3)
        .map(({ active, change }) => [active, change]),
    ).toEqual([
      ['second', 'interrupted'],
      ['first', 'use first'],
    ]);
    rmSync(paths.current);
    await transaction(sample.store, 'sweep', async () => {});
    expect(readHistory(paths).position).toBe(3);
    expect(numbersOf(sample)).toEqual([1, 2, 3, 4, 5]);
  });

  it('E01 has the generation before its position says so', async () => {
    const sample = await makeMoved();
    const look = () => {
      const { position, generations } = readHistory(sample.store.paths);
      return generations.some(({ number }) => number === position);
    };
    expect(await seenAtEachCall(look, () => useEngine(sample.store, 'first'))).toEqual([true]);
  });
});
