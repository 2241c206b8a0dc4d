import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { streamOf } from '../../src/content/index.js';
import { removeTree } from '../../src/layer/index.js';
import { useEngine } from '../../src/shim/index.js';
import { readEngine, repair, storeAt, type VerifyReport } from '../../src/store/index.js';
import { layoutOf } from './layered.js';
import {
  check,
  contentOf,
  edit,
  expectRefused,
  flip,
  inDirectory,
  makeInstalled,
  mend,
  relink,
  removeNow,
  replace,
  sourceOf,
  told,
  within,
} from './verifying.js';

describe('a tree of several layers', () => {
  it.each<[string, (root: string) => void, string]>([
    ['a file is deleted', (root) => inDirectory(root, () => unlinkSync(`${root}/top`)), 'missing top'],
    [
      'what a whiteout hides is there',
      (root) => inDirectory(`${root}/d`, () => writeFileSync(`${root}/d/b`, '')),
      'extra d/b',
    ],
    ['a file is that of a lower layer', (root) => replace(root, 'a', 'lowest'), 'content a'],
    ['a file has another size', (root) => replace(root, 'a', 'x'), 'size a'],
    ['a link leads elsewhere', (root) => relink(root, 'link', 'top'), 'target link'],
    ['a mode changes', (root) => chmodSync(`${root}/d`, 0o700), 'mode d'],
    ['all is deleted', (root) => removeNow(root), 'missing '],
  ])('E04 %s: made again without fetching', async (_, damage, expected) => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const root = sourceOf(sample, 'tree');
    damage(root);
    const [fault = '', path = ''] = expected.split(' ');
    const line = `${fault} ${within(sample, root)}${path === '' ? '' : `/${path}`}`;
    for (const mode of ['fast', 'full'] as const) expect(told(await check(sample, mode))).toEqual([line]);
    await expectRefused(sample, 'first');
    rmSync(`${sample.directory}/images`, { recursive: true });
    const { after, layers, trees, states, problems } = await mend(sample);
    expect({ faults: after.faults, layers, trees, states, problems }).toEqual({
      faults: [],
      states: [],
      layers: [],
      trees: 1,
      problems: [],
    });
    expect(contentOf(sample)).toEqual(before);
    await useEngine(sample.store, 'first');
  });

  it('E04 is refused with a layer of it, whose files it shares, and made again with that', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const engine = readEngine(sample.store.paths, 'first');
    const { layers = [] } = engine.sources.tree as { layers?: { diffId: never }[] };
    const lowest = sample.store.paths.layer(layers[0]?.diffId ?? ('' as never));
    flip(`${lowest}/tree/d/c`);
    const { faults } = await check(sample);
    expect(told({ faults } as VerifyReport)).toEqual([`content ${within(sample, lowest)}/tree/d/c`]);
    await expectRefused(sample, 'first');
    const repaired = await mend(sample);
    expect(repaired).toMatchObject({ layers: [layers[0]?.diffId], trees: 1, after: { faults: [] } });
    expect(contentOf(sample)).toEqual(before);
    expect(readFileSync(`${sourceOf(sample, 'tree')}/d/c`, 'utf8')).toBe('stays');
    const shared = lstatSync(`${sourceOf(sample, 'tree')}/d/c`).ino;
    expect(lstatSync(`${lowest}/tree/d/c`).ino).toBe(shared);
  });

  it('a copy of the whole store that keeps no hard links is whole', async () => {
    const sample = await makeInstalled();
    const root = sourceOf(sample, 'tree');
    inDirectory(root, () => {
      const bytes = readFileSync(`${root}/a`);
      unlinkSync(`${root}/a`);
      writeFileSync(`${root}/a`, bytes);
      chmodSync(`${root}/a`, 0o444);
    });
    const single = sourceOf(sample, 'single');
    inDirectory(`${single}/bin`, () => {
      const bytes = readFileSync(`${single}/bin/run`);
      unlinkSync(`${single}/bin/again`);
      writeFileSync(`${single}/bin/again`, bytes);
      chmodSync(`${single}/bin/again`, 0o555);
    });
    expect((await check(sample)).faults).toEqual([]);
  });
});

describe('a layer under several names', () => {
  it('keeps them all when it is fetched again', async () => {
    const sample = await makeInstalled();
    const layout = layoutOf(sample);
    await layout.tag(await layout.resolve('single'), 'other');
    await sample.install('second', 'other');
    const before = contentOf(sample);
    expect(dirname(sourceOf(sample, 'other', 'second'))).toBe(dirname(sourceOf(sample, 'single')));
    flip(`${sourceOf(sample, 'single')}/large`);
    const report = await check(sample);
    expect(report.faults).toMatchObject([{ engines: ['first', 'second'] }]);
    await expectRefused(sample, 'second');
    await sample.install('first', 'single', 'tree');
    expect(contentOf(sample)).toEqual(before);
    await useEngine(sample.store, 'second');
    expect((await check(sample)).faults).toEqual([]);
  });

  it('E04 only the damaged name is made again, and only its engine refused', async () => {
    const sample = await makeInstalled();
    const layout = layoutOf(sample);
    await layout.tag(await layout.resolve('single'), 'other');
    await sample.install('second', 'other');
    const before = contentOf(sample);
    const root = sourceOf(sample, 'other', 'second');
    inDirectory(root, () => unlinkSync(`${root}/large`));
    expect(told(await check(sample))).toEqual([`missing ${within(sample, root)}/large`]);
    await useEngine(sample.store, 'first');
    await expectRefused(sample, 'second');
    unlinkSync(sample.store.paths.current);
    expect(await mend(sample)).toMatchObject({ layers: [], trees: 1, after: { faults: [] } });
    expect(contentOf(sample)).toEqual(before);
    await useEngine(sample.store, 'second');
    unlinkSync(sample.store.paths.current);
    // Its needed name is gone as a whole.
    await removeTree(root);
    expect(told(await check(sample))).toEqual([`missing ${within(sample, root)}`]);
  });
});

describe('states, names and manifests', () => {
  it.each<[string, (home: string) => void, string]>([
    ['the record is missing', (home) => unlinkSync(`${home}/engine.json`), 'missing engine.json'],
    ['the record is half written', (home) => truncateSync(`${home}/engine.json`, 40), 'content engine.json'],
    [
      'the record tells another value',
      (home) => edit(`${home}/engine.json`, '"linux/', '"Linux/'),
      'content engine.json',
    ],
    [
      'the digest of the lock is damaged',
      (home) => truncateSync(`${home}/.lock-sum`, 10),
      'content .lock-sum',
    ],
    ['the environment is half written', (home) => truncateSync(`${home}/env`, 10), 'content env'],
    ['the environment is missing', (home) => unlinkSync(`${home}/env`), 'missing env'],
    ['the link of a part leads elsewhere', (home) => relink(home, 'parts/tree', '/'), 'target parts/tree'],
    [
      'the link of a source is missing',
      (home) => unlinkSync(`${home}/sources/single`),
      'missing sources/single',
    ],
    ['a link is a file', (home) => replace(home, 'parts/tree', ''), 'kind parts/tree'],
    ['there is something more', (home) => writeFileSync(`${home}/parts/x`, ''), 'extra parts/x'],
  ])('E05 %s: made again from the lock', async (what, damage, expected) => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const { id } = readEngine(sample.store.paths, 'first');
    const home = sample.store.paths.engineState('first', id);
    if (
      what === 'the record tells another value' &&
      !readFileSync(`${home}/engine.json`, 'utf8').includes('"linux/')
    )
      edit(`${home}/engine.json`, '"kind": "custom"', '"kind": "version"');
    else damage(home);
    const [fault, path] = expected.split(' ');
    expect(told(await check(sample))).toEqual([`${fault} engines/first/${id}/${path}`]);
    const { states, layers, after } = await mend(sample);
    expect({ states, layers, faults: after.faults }).toEqual({
      states: [`first/${id}`],
      layers: [],
      faults: [],
    });
    expect(contentOf(sample)).toEqual(before);
  });

  it('E05 a state without its lock is told, with what to do', async () => {
    const sample = await makeInstalled();
    const { id } = readEngine(sample.store.paths, 'first');
    const lock = `${sample.store.paths.engineState('first', id)}/lock.json`;
    edit(lock, 'sha256:', 'sha255:');
    expect(told(await check(sample))).toEqual([`content engines/first/${id}/lock.json`]);
    const { problems, after } = await mend(sample);
    expect(problems).toMatchObject([
      { engine: 'first', hint: expect.stringContaining('engineshed install first') },
    ]);
    expect(after.faults).toHaveLength(1);
    await sample.install('first', 'single', 'tree');
    expect((await check(sample)).faults).toEqual([]);
  });

  it('E05 names that lead nowhere are told', async () => {
    const sample = await makeInstalled();
    const { paths } = sample.store;
    relink(paths.root, 'current', 'engines/nobody/active', 'make');
    relink(paths.engine('first'), 'active', 'f'.repeat(16));
    expect(told(await check(sample))).toEqual(['target engines/first/active', 'target ./current']);
    expect((await mend(sample)).problems).toHaveLength(2);
  });

  it('manifests and configs are fetched again', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const blobs = readdirSync(`${sample.store.paths.blobs}/sha256`);
    const [one = '', two = ''] = blobs;
    flip(`${sample.store.paths.blobs}/sha256/${one}`, 5);
    unlinkSync(`${sample.store.paths.blobs}/sha256/${two}`);
    expect(told(await check(sample)).sort()).toEqual([
      `content blobs/sha256/${one}`,
      `missing blobs/sha256/${two}`,
    ]);
    expect((await mend(sample)).blobs.map((digest) => digest.slice(7)).sort()).toEqual([one, two].sort());
    expect(contentOf(sample)).toEqual(before);
  });

  it('a store that was moved is told, and made right where it is', async () => {
    const sample = await makeInstalled();
    const moved = `${sample.directory}/moved`;
    renameSync(sample.store.paths.root, moved);
    const store = storeAt(moved, sample.store.owner, sample.store.now);
    const there = { ...sample, store };
    expect(new Set((await check(there)).faults.map(({ what }) => what))).toEqual(new Set(['state']));
    expect((await mend(there)).after.faults).toEqual([]);
    expect(sourceOf(there, 'single')).toContain(`${moved}/`);
  });
});

describe('repair', () => {
  it('repairs what it can, and says why it cannot do the rest', async () => {
    const sample = await makeInstalled();
    await sample.install('second', 'base');
    flip(`${sourceOf(sample, 'single')}/large`);
    flip(`${sourceOf(sample, 'base', 'second')}/bin/say`);
    const layout = layoutOf(sample);
    const content = (lock: { name: string }) => {
      if (lock.name === 'first') throw Object.assign(new Error('gone'), { code: 'EIO', syscall: 'read' });
      return layout;
    };
    const done = await repair(sample.store, { mode: 'full', platform: 'linux', content });
    expect(done.layers).toHaveLength(1);
    expect(done.problems).toMatchObject([{ engine: 'first' }]);
    expect(done.after.faults).toMatchObject([{ engines: ['first'] }]);
    await useEngine(sample.store, 'second');
    await expectRefused(sample, 'first');
  });

  it('does not take a bug for something that cannot be repaired', async () => {
    const sample = await makeInstalled();
    flip(`${sourceOf(sample, 'single')}/large`);
    const content = () => {
      throw new TypeError('a bug');
    };
    await expect(repair(sample.store, { mode: 'full', platform: 'linux', content })).rejects.toThrow('a bug');
  });

  it('B01 keeps no manifest that is not what it should be', async () => {
    const sample = await makeInstalled();
    const { blobs } = sample.store.paths;
    const [name = ''] = readdirSync(`${blobs}/sha256`);
    const { size } = lstatSync(`${blobs}/sha256/${name}`);
    unlinkSync(`${blobs}/sha256/${name}`);
    const layout = layoutOf(sample);
    const lying = { resolve: layout.resolve, fetch: async () => streamOf(Buffer.alloc(size)) };
    const { problems } = await repair(sample.store, {
      mode: 'full',
      platform: 'linux',
      content: () => lying,
    });
    expect(problems).toMatchObject([{ engine: 'first' }]);
    expect(existsSync(`${blobs}/sha256/${name}`)).toBe(false);
  });

  it('a damaged layer that no engine needs is removed', async () => {
    const sample = await makeInstalled();
    await sample.install('second', 'base');
    const root = sourceOf(sample, 'base', 'second');
    await removeTree(sample.store.paths.engine('second'));
    flip(`${root}/bin/say`);
    expect((await check(sample)).faults).toMatchObject([{ what: 'layer', engines: [] }]);
    expect(await mend(sample)).toMatchObject({
      removed: [expect.any(String)],
      problems: [],
      after: { faults: [] },
    });
    expect(existsSync(dirname(root))).toBe(false);
  });

  it('E06 a layer of an early store is told, and renewed', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const home = dirname(sourceOf(sample, 'single'));
    const { sum, inventory, name, ...early } = JSON.parse(readFileSync(`${home}/layer.json`, 'utf8'));
    expect([sum, inventory, name].every((text) => typeof text === 'string')).toBe(true);
    writeFileSync(`${home}/layer.json`, JSON.stringify(early));
    unlinkSync(`${home}/.inventory`);
    const { faults, unrecorded } = await check(sample);
    expect([faults, unrecorded]).toEqual([[], [early.diffId]]);
    await useEngine(sample.store, 'first');
    unlinkSync(sample.store.paths.current);
    expect((await sample.plan('first', 'single', 'tree')).upToDate).toBe(true);
    expect(await mend(sample)).toMatchObject({
      layers: [early.diffId],
      after: { unrecorded: [], faults: [] },
    });
    expect(contentOf(sample)).toEqual(before);
  });
});
