import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { useEngine } from '../../src/shim/index.js';
import { FaultList } from '../../src/store/faults.js';
import { readEngine } from '../../src/store/index.js';
import { failing, systemError, withCalls } from '../support/calls.js';
import { makeSample } from './sample.js';
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
