import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock, type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import { removeTree } from '../../src/layer/index.js';
import { useEngine, useFirstEngine } from '../../src/shim/index.js';
import {
  applyInstall,
  planInstall,
  readCurrent,
  readEngine,
  storeAt,
  transaction,
  uninstall,
} from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { readTree, type Tree } from '../support/tree.js';
import { makeSample, type Sample } from './sample.js';

/** An owner that is certainly dead: this process's number with another start. */
const dead: Owner = { ...ownerOf(process.pid), start: '1' };

describe('an install', () => {
  it('E03 fetches what an uninstall took after it was planned', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const plan = await sample.plan('second');
    expect(plan.fetch).toHaveLength(0);
    await uninstall(sample.store, 'first', 'refuse');
    const done = await sample.apply(plan);
    expect(done.plan.fetch).toHaveLength(2);
    expect(readFileSync(`${done.engine.sources.base?.directory}/bin/say`, 'utf8')).toContain('echo base');
  });

  it('E03 leaves the engine that somebody chose meanwhile', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await sample.install('second');
    // While `first` waits to become the active one, `second` is chosen.
    let waiting: Promise<boolean> | undefined;
    await transaction(sample.store, 'a test', async ({ staging }) => {
      const lock = await acquireLock(sample.store.paths.lock('selection'), 'exclusive', sample.store.owner);
      waiting = useFirstEngine(sample.store, 'first');
      symlinkSync('engines/second/active', `${staging}/chosen`);
      renameSync(`${staging}/chosen`, sample.store.paths.current);
      lock?.release();
    });
    expect(await waiting).toBe(false);
    expect(readCurrent(sample.store.paths)).toBe('second');
  });

  it('B09 a layer that an image has twice is fetched once, and applied at both places', async () => {
    const sample = await makeSample();
    const lock = await sample.engine('one');
    const { base, extra } = lock.sources;
    if (base?.kind !== 'layout' || extra?.kind !== 'layout') throw new Error('no layouts');
    const sources = { base: { ...base, layers: [...base.layers, ...extra.layers, ...base.layers] } };
    const parts = lock.parts.filter(({ source }) => source === 'base');
    const environment = lock.environment.filter(({ name }) => name === 'BASE_DIR');
    const plan = planInstall(sample.store, { ...lock, sources, parts, environment });
    expect(plan.fetch.map(({ diffId }) => diffId)).toEqual(
      [base, extra].map(({ layers }) => layers[0]?.diffId),
    );
    const { engine } = await sample.apply(plan);
    expect(readFileSync(`${engine.sources.base?.directory}/bin/say`, 'utf8')).toContain('echo base');
  });

  it('keeps the sources read-only, their top directories too', async () => {
    const sample = await makeSample();
    const { engine } = await sample.install('first');
    for (const { directory } of Object.values(engine.sources)) {
      expect(lstatSync(directory).mode & 0o777).toBe(0o555);
    }
  });

  it('leaves no name behind when a part is not there', async () => {
    const sample = await makeSample();
    const plan = await sample.plan('first');
    const lock = { ...plan.lock, parts: [{ type: 'x', source: 'base', path: 'nowhere' }] };
    await expect(sample.apply({ ...plan, lock })).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' });
    expect(readdirSync(sample.store.paths.engines)).toEqual([]);
  });
});

describe('a damaged store', () => {
  const damages: [string, (sample: Sample, home: string) => void][] = [
    ['the record is missing', (_, home) => unlinkSync(`${home}/engine.json`)],
    ['the record is half written', (_, home) => truncateSync(`${home}/engine.json`, 40)],
    ['the environment is missing', (_, home) => unlinkSync(`${home}/env`)],
    ['the environment is half written', (_, home) => truncateSync(`${home}/env`, 10)],
    ['the link of a part is missing', (_, home) => unlinkSync(`${home}/parts/base`)],
    ['the link of a source leads elsewhere', (_, home) => relink(`${home}/sources/base`, '/')],
    ['the name leads nowhere', ({ store }) => unlinkSync(store.paths.engineActive('first'))],
    ['the name leads to nothing', ({ store }) => relink(store.paths.engineActive('first'), 'f'.repeat(16))],
    ['the state is gone', (_, home) => rmSync(home, { recursive: true })],
    [
      'the version is missing',
      (sample, home) => {
        unlinkSync(sample.store.paths.version);
        unlinkSync(`${home}/env`);
      },
    ],
  ];
  it.each(damages)('E05 is repaired by an install: %s', async (_, damage) => {
    const sample = await makeSample();
    const { engine } = await sample.install('first');
    await useEngine(sample.store, 'first');
    const whole = readStore(sample);
    damage(sample, sample.store.paths.engineState('first', engine.id));
    expect((await sample.plan('first')).upToDate).toBe(false);
    await sample.install('first');
    expect(readStore(sample)).toEqual(whole);
    expect((await sample.plan('first')).upToDate).toBe(true);
  });

  it.each(['layer.json', 'base', ''])(
    'E04 is repaired by an install: a layer without its %j',
    async (what) => {
      const sample = await makeSample();
      const { engine } = await sample.install('first');
      const whole = readTree(sample.store.paths.root);
      const layer = engine.sources.base?.kind === 'layout' && engine.sources.base.layers[0];
      if (!layer) throw new Error('no layer');
      await removeTree(`${sample.store.paths.layer(layer.diffId)}/${what}`);
      await sample.install('first');
      expect(readTree(sample.store.paths.root)).toEqual(whole);
    },
  );

  it('E05 is repaired where the whole store was moved', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const moved = `${sample.directory}/moved`;
    renameSync(sample.store.paths.root, moved);
    const store = storeAt(moved, ownerOf(process.pid), () => new Date());
    const other: Sample = { ...sample, store };
    const plan = planInstall(store, await other.engine('first'));
    expect(plan).toMatchObject({ upToDate: false, fetch: [] });
    const admission = await admitted(plan.lock);
    const inputs = { remembered: new Map(), admission, platform: 'linux' };
    const content = () => {
      throw new Error('nothing is to be fetched');
    };
    const { engine } = await applyInstall(store, plan, { ...inputs, content });
    expect(realpathSync(engine.sources.base?.directory ?? '')).toContain(`${moved}/`);
  });
});

describe('what stands in the way', () => {
  const kinds = [
    ...['engines', 'layers', 'trees', 'blobs', 'locks', 'partial', 'staging'],
    ...['layers/sha256', 'blobs/sha256', 'engines/first'],
  ];
  it.each(kinds)('E07 a planted link is not followed: %s', async (planted) => {
    const sample = await makeSample();
    const elsewhere = `${sample.directory}/elsewhere`;
    mkdirSync(elsewhere);
    mkdirSync(dirname(`${sample.store.paths.root}/${planted}`), { recursive: true });
    symlinkSync(elsewhere, `${sample.store.paths.root}/${planted}`);
    await expect(sample.install('first')).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('E07 a link in the place of a layer is refused, whatever it leads to', async () => {
    const sample = await makeSample();
    const plan = await sample.plan('first');
    const home = sample.store.paths.layer(plan.fetch[0]?.diffId ?? ('' as never));
    mkdirSync(dirname(home), { recursive: true });
    symlinkSync(sample.directory, home);
    await expect(sample.apply(plan)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(readlinkSync(home)).toBe(sample.directory);
  });

  it('a directory with other content does not become a store', async () => {
    const sample = await makeSample();
    const images = storeAt(`${sample.directory}/images`, ownerOf(process.pid), () => new Date());
    const before = readTree(images.paths.root);
    await expect(transaction(images, 'a test', async () => {})).rejects.toMatchObject({
      code: 'FILE_IN_THE_WAY',
    });
    expect(readTree(images.paths.root)).toEqual(before);
  });

  it('a directory instead of the link of an engine is left alone', async () => {
    const sample = await makeSample();
    mkdirSync(`${sample.store.paths.engineActive('first')}/mine`, { recursive: true });
    await expect(sample.install('first')).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(existsSync(`${sample.store.paths.engineActive('first')}/mine`)).toBe(true);
  });

  it('an engine is not found under a name that only the file system takes for its own', async () => {
    const sample = await makeSample();
    await sample.install('train');
    // What a file system without upper and lower case would answer.
    symlinkSync('train', sample.store.paths.engine('Train'));
    expect(() => readEngine(sample.store.paths, 'Train')).toThrow('not installed');
    await expect(useEngine(sample.store, 'Train')).rejects.toMatchObject({ code: 'ENGINE_NOT_INSTALLED' });
  });
});

describe('the dead', () => {
  it('E01 leave nothing in staging and locks after the next command', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const { paths } = sample.store;
    mkdirSync(`${paths.staging}/${ownedName(dead)}/layer/deep`, { recursive: true, mode: 0o500 });
    writeFileSync(`${paths.staging}/stray`, '');
    for (const lock of ['store', 'selection', 'layer-0', 'engine-gone']) {
      mkdirSync(paths.lock(lock));
      writeFileSync(`${paths.lock(lock)}/exclusive.${ownedName(dead)}`, '');
    }
    mkdirSync(paths.lock('empty'));
    await useEngine(sample.store, 'first');
    expect(readdirSync(paths.staging)).toEqual([]);
    expect(readdirSync(paths.locks)).toEqual([]);
  });
});

function relink(path: string, target: string): void {
  unlinkSync(path);
  symlinkSync(target, path);
}

/** What a store is, but for its history: a damage to a name is a change of its own there. */
function readStore({ store }: Sample): Tree {
  const tree = Object.entries(readTree(store.paths.root));
  return Object.fromEntries(tree.filter(([path]) => !path.startsWith('history/')));
}
