import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Reporter, streamOf } from '../../src/content/index.js';
import { removeTree } from '../../src/layer/index.js';
import { canonicalJson } from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import { FaultList } from '../../src/store/faults.js';
import {
  type Fault,
  type RepairReport,
  readEngine,
  refuseDamaged,
  repair,
  storeAt,
  type VerifyReport,
  verify,
} from '../../src/store/index.js';
import { failing, systemError, withCalls } from '../support/calls.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

/** `first` has a source of one layer with all kinds of entries, and one of three layers with whiteouts. */
async function makeInstalled(report?: Reporter): Promise<Sample> {
  const sample = await makeSample(report);
  await publishArchives(sample, 'single', [
    archive(
      directory('bin'),
      file('bin/run', '#!/bin/sh\necho run\n', { mode: 0o755 }),
      hardlink('bin/again', 'bin/run'),
      symlink('run', 'bin/run'),
      directory('empty'),
      file('blank', ''),
      file(Buffer.from('caf\xe9', 'latin1'), 'not UTF-8'),
      file('large', Buffer.alloc(3_000_000, 'x')),
    ),
  ]);
  await publishArchives(sample, 'tree', [
    archive(file('a', 'lowest'), file('d/b', 'hidden'), file('d/c', 'stays')),
    archive(file('d/.wh.b'), file('a', 'middle')),
    archive(file('top', 'top'), symlink('link', 'a')),
  ]);
  await sample.install('first', 'single', 'tree');
  return sample;
}

function check({ store }: Sample, mode: 'full' | 'fast' = 'full', engine?: string): Promise<VerifyReport> {
  return verify(store, { mode, engine, platform: 'linux' });
}

function mend(sample: Sample, engine?: string): Promise<RepairReport> {
  const layout = layoutOf(sample);
  return repair(sample.store, { mode: 'full', engine, platform: 'linux', content: () => layout });
}

/** Where a source of an engine stands. */
function sourceOf({ store }: Sample, name: string, engine = 'first'): string {
  return readEngine(store.paths, engine).sources[name]?.directory ?? '';
}

function told({ faults }: VerifyReport): string[] {
  return faults.map(({ fault, path }) => `${fault} ${path}`);
}

/** A path from the root of the store. */
function within({ store }: Sample, path: string): string {
  return path.slice(store.paths.root.length + 1);
}

/** What a store is, but for its history. */
function contentOf({ store }: Sample): Record<string, string> {
  const tree = treeOf(store.paths.root, (path) => !path.startsWith('history'));
  const recordOf = (path: string) =>
    canonicalJson(JSON.parse(readFileSync(`${store.paths.root}/${path}`, 'utf8')));
  return Object.fromEntries(
    // The order of fields is nobody's business.
    Object.entries(tree).map(([path, what]) => [path, path.endsWith('/engine.json') ? recordOf(path) : what]),
  );
}

/** Changes a file in its place, as a disk does: its times stay. */
function flip(path: string, at = 0): void {
  const { atime, mtimeMs, mode } = lstatSync(path);
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  chmodSync(path, mode & 0o777);
  // Not rounded up, to a time after that of the record.
  utimesSync(path, atime, new Date(Math.floor(mtimeMs)));
}

/** Lets work be done in a directory that is read-only. */
function inDirectory(path: string, work: () => void): void {
  const { mode } = lstatSync(path);
  chmodSync(path, 0o700);
  work();
  chmodSync(path, mode & 0o777);
}

type Damage = (root: string) => void;
/** What is damaged in the source `single`, what is told, and whether a fast check tells it too. */
const damages: [string, Damage, string, 'fast' | 'full'][] = [
  ['a bit flips', (root) => flip(`${root}/large`, 2_000_000), 'content large', 'full'],
  ['a bit flips in a file with two names', (root) => flip(`${root}/bin/run`), 'content bin/run', 'full'],
  [
    'a file is edited',
    (root) => {
      chmodSync(`${root}/large`, 0o600);
      writeFileSync(`${root}/large`, Buffer.alloc(3_000_000, 'y'));
      chmodSync(`${root}/large`, 0o444);
    },
    'content large',
    'fast',
  ],
  ['a file is cut off', (root) => truncateSync(`${root}/large`, 2_999_999), 'size large', 'fast'],
  ['a file grows', (root) => writeFileSync(`${root}/blank`, 'x'), 'size blank', 'fast'],
  [
    'a file is deleted',
    (root) => inDirectory(root, () => unlinkSync(`${root}/large`)),
    'missing large',
    'fast',
  ],
  [
    'a directory is deleted',
    (root) => inDirectory(root, () => rmSync(`${root}/empty`, { recursive: true })),
    'missing empty',
    'fast',
  ],
  [
    'a file is added',
    (root) => inDirectory(root, () => writeFileSync(`${root}/new`, '')),
    'extra new',
    'fast',
  ],
  [
    'a tree is added',
    (root) => inDirectory(root, () => mkdirSync(`${root}/new/deep`, { recursive: true })),
    'extra new',
    'fast',
  ],
  ['a mode changes', (root) => chmodSync(`${root}/blank`, 0o644), 'mode blank', 'fast'],
  ['a file may become another user', (root) => chmodSync(`${root}/blank`, 0o4444), 'mode blank', 'fast'],
  ['the mode of a directory changes', (root) => chmodSync(`${root}/bin`, 0o755), 'mode bin', 'fast'],
  ['the mode of the top changes', (root) => chmodSync(root, 0o755), 'mode ', 'fast'],
  ['a file becomes a link to itself elsewhere', (root) => becomeLink(root, 'large'), 'kind large', 'fast'],
  ['a directory becomes a link to itself elsewhere', (root) => becomeLink(root, 'bin'), 'kind bin', 'fast'],
  [
    'a link leads elsewhere',
    (root) =>
      inDirectory(root, () => {
        unlinkSync(`${root}/run`);
        symlinkSync('bin/again', `${root}/run`);
      }),
    'target run',
    'fast',
  ],
  [
    'a link becomes a directory',
    (root) =>
      inDirectory(root, () => {
        unlinkSync(`${root}/run`);
        mkdirSync(`${root}/run/deep`, { recursive: true });
      }),
    'kind run',
    'fast',
  ],
  [
    'a hard link becomes another file',
    (root) =>
      inDirectory(`${root}/bin`, () => {
        unlinkSync(`${root}/bin/again`);
        writeFileSync(`${root}/bin/again`, '#!/bin/sh\necho RUN\n');
        chmodSync(`${root}/bin/again`, 0o555);
      }),
    'content bin/again',
    'fast',
  ],
  [
    'what a hard link is a name of becomes another file',
    (root) =>
      inDirectory(`${root}/bin`, () => {
        unlinkSync(`${root}/bin/run`);
        writeFileSync(`${root}/bin/run`, '#!/bin/sh\necho RUN\n');
        chmodSync(`${root}/bin/run`, 0o555);
      }),
    'content bin/run',
    'fast',
  ],
  [
    'a name that is not UTF-8',
    (root) => {
      const path = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]);
      inDirectory(root, () => unlinkSync(path));
    },
    'missing caf\\xe9',
    'fast',
  ],
  ['all is deleted', (root) => removeNow(root), 'missing ', 'fast'],
];

function becomeLink(root: string, name: string): void {
  const elsewhere = `${root}-elsewhere`;
  inDirectory(root, () => {
    mkdirSync(elsewhere);
    chmodSync(`${root}/${name}`, 0o700);
    renameSync(`${root}/${name}`, `${elsewhere}/${name}`);
    symlinkSync(`${elsewhere}/${name}`, `${root}/${name}`);
  });
  // Beside the store, so that it is no damage of its own.
  const outside = `${dirname(dirname(dirname(dirname(dirname(root)))))}/elsewhere`;
  renameSync(elsewhere, outside);
  inDirectory(root, () => {
    unlinkSync(`${root}/${name}`);
    symlinkSync(`${outside}/${name}`, `${root}/${name}`);
  });
}

function removeNow(root: string): void {
  for (const name of readdirSync(root, { recursive: true }) as string[])
    if (lstatSync(`${root}/${name}`, { throwIfNoEntry: false })?.isDirectory())
      chmodSync(`${root}/${name}`, 0o700);
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
}

describe('verify', () => {
  it('finds nothing in what was just installed, and changes nothing', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    for (const mode of ['full', 'fast'] as const)
      expect(await check(sample, mode)).toMatchObject({
        faults: [],
        omitted: 0,
        unrecorded: [],
        checked: { layers: 4, trees: 1, states: 1, blobs: 4 },
      });
    expect((await check(sample)).checked.bytes).toBeGreaterThan(3_000_000);
    expect((await check(sample, 'fast')).checked.bytes).toBeLessThan(10_000);
    expect(contentOf(sample)).toEqual(before);
  });

  it.each(damages)('E04 %s: found, refused, repaired', async (_, damage, expected, mode) => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const root = sourceOf(sample, 'single');
    damage(root);
    const [fault = '', path = ''] = expected.split(' ');
    const line = `${fault} ${within(sample, root)}${path === '' ? '' : `/${path}`}`;
    expect(told(await check(sample, 'fast'))).toEqual(mode === 'fast' ? [line] : []);
    const report = await check(sample);
    expect(told(report)).toEqual([line]);
    expect(report.faults[0]).toMatchObject({ what: 'layer', engines: ['first'] });
    await expectRefused(sample, 'first');
    const { found, after, layers, problems } = await mend(sample);
    expect([told(found), after.faults, problems]).toEqual([[line], [], []]);
    expect(layers).toHaveLength(1);
    expect(contentOf(sample)).toEqual(before);
    expect(await useEngine(sample.store, 'first')).toMatchObject({ name: 'first' });
  });

  it('E04 a layer that is known to be damaged is made anew by an install', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    flip(`${sourceOf(sample, 'single')}/large`);
    await check(sample);
    const plan = await sample.plan('first', 'single', 'tree');
    expect([plan.upToDate, plan.fetch.length]).toEqual([false, 1]);
    await sample.apply(plan);
    expect(contentOf(sample)).toEqual(before);
    await useEngine(sample.store, 'first');
  });

  it('E04 a tree that is known to be damaged is made anew by an install, and runs again', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const root = sourceOf(sample, 'tree');
    inDirectory(root, () => unlinkSync(`${root}/top`));
    await check(sample);
    await expectRefused(sample, 'first');
    await sample.install('first', 'single', 'tree');
    expect(contentOf(sample)).toEqual(before);
    await useEngine(sample.store, 'first');
  });

  const records: [string, string, string, string][] = [
    ['its record is damaged', 'layer.json', 'content', 'single'],
    ['the list of its files is damaged', '.inventory', 'content', 'single'],
  ];
  it.each(records)('E04 %s, wherever a bit flips', async (_, name, fault, source) => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const path = `${dirname(sourceOf(sample, source))}/${name}`;
    const { size } = lstatSync(path);
    for (let at = 0; at < size; at += Math.ceil(size / 25)) {
      flip(path, at);
      expect(told(await check(sample, 'fast')), `byte ${at}`).toEqual([`${fault} ${within(sample, path)}`]);
      await expectRefused(sample, 'first');
      flip(path, at);
      expect(told(await check(sample))).toEqual([]);
    }
    unlinkSync(path);
    expect(told(await check(sample))).toEqual([`missing ${within(sample, path)}`]);
    await mend(sample);
    expect(contentOf(sample)).toEqual(before);
  });

  it('E04 a layer that is gone is fetched again', async () => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const home = dirname(sourceOf(sample, 'single'));
    await removeTree(home);
    expect(told(await check(sample))).toEqual([`missing ${within(sample, home)}`]);
    expect((await mend(sample)).after.faults).toEqual([]);
    expect(contentOf(sample)).toEqual(before);
  });

  it('a mark goes when a full check finds the layer whole, and not before', async () => {
    const sample = await makeInstalled();
    const large = `${sourceOf(sample, 'single')}/large`;
    flip(large);
    expect(told(await check(sample, 'fast'))).toEqual([]);
    await check(sample);
    expect(told(await check(sample, 'fast')), 'what is marked is read').toHaveLength(1);
    flip(large);
    expect(told(await check(sample, 'fast'))).toEqual([]);
    await useEngine(sample.store, 'first');
  });

  it('looks at one engine only, where one is named', async () => {
    const sample = await makeInstalled();
    await sample.install('second', 'base');
    flip(`${sourceOf(sample, 'base', 'second')}/bin/say`);
    expect((await check(sample, 'full', 'first')).faults).toEqual([]);
    const { faults, checked } = await check(sample, 'full', 'second');
    expect(faults).toMatchObject([{ engines: ['second'] }]);
    expect(checked).toMatchObject({ layers: 1, trees: 0, states: 1 });
    await useEngine(sample.store, 'first');
    await expectRefused(sample, 'second');
    await expect(check(sample, 'full', 'third')).rejects.toMatchObject({ code: 'ENGINE_NOT_INSTALLED' });
  });

  it('E07 tells a link in the place of a layer, and does not follow it', async () => {
    const sample = await makeInstalled();
    const home = dirname(sourceOf(sample, 'single'));
    renameSync(home, `${sample.directory}/elsewhere`);
    symlinkSync(`${sample.directory}/elsewhere`, home);
    expect(told(await check(sample))).toContain(`kind ${within(sample, home)}`);
  });

  it('E04 tells a record that is that of another layer', async () => {
    const sample = await makeInstalled();
    await sample.install('second', 'base');
    const home = dirname(sourceOf(sample, 'single'));
    const other = readFileSync(`${dirname(sourceOf(sample, 'base', 'second'))}/layer.json`);
    writeFileSync(`${home}/layer.json`, other);
    expect(told(await check(sample))).toContain(`content ${within(sample, home)}/layer.json`);
  });

  it('E04 tells what stands beside the files of a layer', async () => {
    const sample = await makeInstalled();
    const home = dirname(sourceOf(sample, 'single'));
    writeFileSync(`${home}/more`, '');
    symlinkSync('/', `${home}/link`);
    const place = within(sample, home);
    expect(told(await check(sample)).sort()).toEqual([`extra ${place}/link`, `extra ${place}/more`]);
  });

  it('E05 tells a state that is gone, of the engine that was asked for', async () => {
    const sample = await makeInstalled();
    const { id } = readEngine(sample.store.paths, 'first');
    rmSync(sample.store.paths.engineState('first', id), { recursive: true });
    expect(told(await check(sample, 'full', 'first'))).toEqual([
      `missing engines/first/${id}`,
      'target engines/first/active',
    ]);
  });

  it('E05 tells names that are no links, and such as lead out of the store', async () => {
    const sample = await makeInstalled();
    const { paths } = sample.store;
    mkdirSync(paths.current);
    expect(told(await check(sample))).toEqual(['kind ./current']);
    rmSync(paths.current, { recursive: true });
    for (const target of [sample.directory, 'layers', 'engines/first/../first/active']) {
      relink(paths.root, 'current', target, 'make');
      expect(told(await check(sample)), target).toEqual(['target ./current']);
      unlinkSync(paths.current);
    }
  });

  it('E05 tells a record that is of another state, without its lock', async () => {
    const sample = await makeInstalled();
    const { id } = readEngine(sample.store.paths, 'first');
    const home = sample.store.paths.engineState('first', id);
    edit(`${home}/lock.json`, '"description":""', '"description":"x"');
    edit(`${home}/lock.json`, '"reference":"oci:', '"reference":"oci:/x');
    const lock = `content engines/first/${id}/lock.json`;
    expect(told(await check(sample))).toEqual([lock]);
    replace(home, 'env', '');
    expect(told(await check(sample))).toEqual([lock, `content engines/first/${id}/env`]);
    edit(`${home}/engine.json`, '"name": "first"', '"name": "other"');
    expect(told(await check(sample))).toEqual([lock, `content engines/first/${id}/engine.json`]);
  });

  it('E05 tells that a record is missing, though it cannot be told what it should be', async () => {
    const sample = await makeInstalled();
    const { id } = readEngine(sample.store.paths, 'first');
    removeNow(sourceOf(sample, 'single'));
    unlinkSync(`${sample.store.paths.engineState('first', id)}/engine.json`);
    expect(told(await check(sample))).toContain(`missing engines/first/${id}/engine.json`);
  });

  it('E05 tells a lock that is that of another state, with its digest', async () => {
    const sample = await makeInstalled();
    const { id } = readEngine(sample.store.paths, 'first');
    const { engine } = await sample.install('first', 'single');
    const [home, other] = [id, engine.id].map((each) => sample.store.paths.engineState('first', each));
    for (const name of ['lock.json', '.lock-sum'])
      writeFileSync(`${home}/${name}`, readFileSync(`${other}/${name}`));
    expect(told(await check(sample))).toContain(`content engines/first/${id}/lock.json`);
  });

  it('E08 reads a store that cannot be written to, and warns that nothing is marked', async () => {
    const warnings: string[] = [];
    const sample = await makeInstalled((event) => event.type === 'warning' && warnings.push(event.message));
    unlinkSync(`${sourceOf(sample, 'single')}/large`);
    const readOnly = (real: unknown) =>
      ((path: unknown, ...args: unknown[]) => {
        if (args[0] !== 'r' && args[0] !== 0 && String(path).startsWith(sample.store.paths.root))
          if (typeof args[0] !== 'number' || (args[0] & 3) !== 0) throw systemError('EROFS');
        return (real as (...args: unknown[]) => unknown)(path, ...args);
      }) as never;
    const { faults } = await withCalls({ mkdirSync: readOnly, openSync: readOnly }, () => check(sample));
    expect(faults).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining('not marked')]);
  });

  it('E02 tells that it failed, and does not begin again', async () => {
    const sample = await makeInstalled();
    const home = dirname(sourceOf(sample, 'single'));
    let tries = 0;
    const fails = failing('EACCES', (path) => path === `${home}/layer.json` && ++tries > 0);
    const unreadable = { lstatSync: fails };
    const { paths } = sample.store;
    const before = () => (existsSync(paths.staging) ? readdirSync(paths.staging) : []);
    expect(before()).toEqual([]);
    await withCalls(unreadable, () =>
      expect(check(sample)).rejects.toMatchObject({ code: 'FILE_PERMISSION' }),
    );
    expect(tries).toBe(1);
  });

  it('tells that an engine is not there before anything is made', async () => {
    const sample = await makeInstalled();
    rmSync(sample.store.paths.partial, { recursive: true });
    await expect(check(sample, 'full', 'third')).rejects.toMatchObject({ code: 'ENGINE_NOT_INSTALLED' });
    expect(existsSync(sample.store.paths.partial), 'makes none').toBe(false);
  });

  it('lists a thousand faults of one thing, and counts thousands', () => {
    const list = new FaultList('layer', 'x', new Set(), 'layers/x');
    for (let at = 0; at < 3000; at++) list.add(`${at}`, { fault: 'missing' });
    expect([list.faults.length, list.omitted, list.count]).toEqual([1000, 2000, 3000]);
  });

  it('finds nothing where there is no store, and makes none', async () => {
    const sample = await makeSample();
    expect((await check(sample)).checked.layers).toBe(0);
    expect(existsSync(sample.store.paths.root)).toBe(false);
  });
});

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

describe('any damage', () => {
  it('E04 to any path of any tree is told at exactly that path', async () => {
    const names = fc.constantFrom('a', 'b', 'Ä', '文', 'x y', '.hidden', 'new\u200bline');
    const paths = fc.array(fc.array(names, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(paths, fc.nat(), fc.constantFrom(...randomDamages), async (wanted, pick, damage) => {
        const sample = await makeSample();
        try {
          await publishArchives(sample, 'random', [archive(...entriesOf(wanted))]);
          await sample.install('first', 'random');
          const root = sourceOf(sample, 'random');
          const files = Object.entries(treeOf(root)).filter(([, what]) => what.startsWith('file'));
          const [chosen = ''] = files[pick % files.length] ?? [];
          const path = Buffer.from(chosen, 'latin1').toString('utf8');
          inDirectory(dirname(`${root}/${path}`), () => damage.make(`${root}/${path}`));
          const expected = `${damage.fault} ${within(sample, root)}/${path}${damage.suffix ?? ''}`;
          expect(told(await check(sample))).toEqual([expected]);
          await mend(sample);
          expect((await check(sample)).faults).toEqual([]);
        } finally {
          await removeTree(sample.directory);
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});

const randomDamages: { make: (path: string) => void; fault: Fault['fault']; suffix?: string }[] = [
  { make: (path) => flip(path, 3), fault: 'content' },
  { make: (path) => truncateSync(path, 1), fault: 'size' },
  { make: (path) => unlinkSync(path), fault: 'missing' },
  { make: (path) => chmodSync(path, 0o440), fault: 'mode' },
  { make: (path) => linkSync(path, `${path}+`), fault: 'extra', suffix: '+' },
  {
    make: (path) => {
      unlinkSync(path);
      symlinkSync('/', path);
    },
    fault: 'kind',
  },
];

/** A file at each path that no other one has as a directory. */
function entriesOf(wanted: readonly (readonly string[])[]): Buffer[] {
  const paths = [...new Set(wanted.map((path) => path.join('/')))];
  return paths
    .filter((path) => !paths.some((other) => other.startsWith(`${path}/`)))
    .map((path) => file(path, `content of ${path}`));
}

async function expectRefused({ store }: Sample, name: string): Promise<void> {
  await expect(useEngine(store, name)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  const engine = readEngine(store.paths, name);
  const gone = Object.values(engine.sources).some(({ directory }) => !existsSync(directory));
  expect(() => refuseDamaged(engine)).toThrow(gone ? 'is missing' : 'is damaged');
}

function replace(root: string, name: string, text: string): void {
  inDirectory(root, () => {
    unlinkSync(`${root}/${name}`);
    writeFileSync(`${root}/${name}`, text);
    chmodSync(`${root}/${name}`, 0o444);
  });
}

function relink(root: string, name: string, target: string, how: 'change' | 'make' = 'change'): void {
  inDirectory(root, () => {
    if (how === 'change') unlinkSync(`${root}/${name}`);
    symlinkSync(target, `${root}/${name}`);
  });
}

function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
}
