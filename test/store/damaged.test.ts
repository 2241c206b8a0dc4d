import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EngineLock } from '../../src/engine/index.js';
import { annotationKeys, digestOf } from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import {
  type InstalledEngine,
  installedLock,
  planInstall,
  readCurrent,
  readEngine,
  readEngineLock,
  readEngines,
  storeAt,
} from '../../src/store/index.js';
import { formatLayer, readLayer } from '../../src/store/layer.js';
import { mark } from '../../src/store/mark.js';
import { failing, withCalls } from '../support/calls.js';
import { archive, file, symlink } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { installed } from './damaging.js';
import { publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

describe('E06 a store of another version', () => {
  it.each([
    ['a newer one', '{"version":2}', 'STORE_VERSION'],
    ['a damaged one', '{"version":', 'STORE_CORRUPT'],
    ['none that is a number', '{"version":"1"}', 'STORE_CORRUPT'],
  ])('%s is refused before anything is written', async (_, text, code) => {
    const { sample } = await installed();
    writeFileSync(sample.store.paths.version, text);
    rmSync(sample.store.paths.partial, { recursive: true });
    const before = treeOf(sample.store.paths.root);
    await expect(useEngine(sample.store, 'first')).rejects.toMatchObject({ code });
    expect(treeOf(sample.store.paths.root)).toEqual(before);
  });

  it('is not taken for none where it cannot be read', async () => {
    const { sample } = await installed();
    const unreadable = failing('EIO', (path) => path === sample.store.paths.version);
    await withCalls({ readFileSync: unreadable }, () =>
      expect(useEngine(sample.store, 'first')).rejects.toMatchObject({ code: 'IO_FAILED' }),
    );
  });

  it('has records that are not replaced', async () => {
    const { sample, edit, plan, home } = await installed();
    edit('engine.json', '"contract": 1', '"contract": 2');
    const newer = readFileSync(`${home}/engine.json`, 'utf8');
    expect(() => readEngine(sample.store.paths, 'first')).toThrow('newer Engineshed');
    await expect(sample.apply(plan)).rejects.toMatchObject({ code: 'STORE_VERSION' });
    expect(readFileSync(`${home}/engine.json`, 'utf8')).toBe(newer);
  });
});

describe('E05 a state is made anew where it is not whole', () => {
  it.each<[string, string, string | RegExp, string]>([
    ['its record is of another engine', 'engine.json', '"name": "first"', '"name": "other"'],
    ['its record is of another state', 'engine.json', /"id": "[0-9a-f]/, '"id": "x'],
    ['its lock does not have its digest', '.lock-sum', /.$/, 'x'],
    ['its record leads elsewhere', 'engine.json', /"directory": "[^"]*\/base"/, '"directory": "/"'],
    ['its lock is another', 'lock.json', '"description":""', '"description":"x"'],
  ])('%s', async (_, name, from, to) => {
    const { sample, edit, isUpToDate, home } = await installed();
    const before = treeOf(home);
    edit(name, from, to);
    expect(await isUpToDate()).toBe(false);
    await sample.install('first');
    expect(treeOf(home)).toEqual(before);
  });

  it.each(['sources/base', 'parts/base'])('its link %s leads elsewhere, or is gone', async (name) => {
    const { sample, isUpToDate, home } = await installed();
    const before = treeOf(home);
    const link = `${home}/${name}`;
    for (const target of ['/', undefined]) {
      unlinkSync(link);
      if (target !== undefined) symlinkSync(target, link);
      expect(await isUpToDate()).toBe(false);
      await sample.install('first');
      expect(treeOf(home)).toEqual(before);
    }
  });

  it('it is that of a copy of the store', async () => {
    const { sample, plan } = await installed();
    const copy = storeAt(`${sample.directory}/copy`, sample.store.owner, sample.store.now);
    cpSync(sample.store.paths.root, copy.paths.root, { recursive: true, verbatimSymlinks: true });
    expect(planInstall(copy, plan.lock).upToDate).toBe(false);
  });

  it('what its links lead to is gone', async () => {
    const { sample, engine } = await installed();
    const lock: EngineLock = {
      ...(await sample.engine('second')),
      parts: [{ type: 'base', source: 'base', path: 'bin' }],
      environment: [],
    };
    const plan = { ...(await sample.plan('second')), lock };
    const { engine: second } = await sample.apply(plan);
    expect(second.parts[0]?.directory).toBe(`${engine.sources.base?.directory}/bin`);
    expect(planInstall(sample.store, lock).upToDate).toBe(true);
    rmSync(`${engine.sources.base?.directory}/bin`, { recursive: true });
    expect(planInstall(sample.store, lock).upToDate).toBe(false);
  });

  it('a record is told that lacks something, or has something else', async () => {
    const changes: [string, (engine: InstalledEngine) => unknown][] = [
      ['a list', () => []],
      ['nothing', () => null],
      ['without a name', ({ name: _, ...engine }) => engine],
      ['without sources', ({ sources: _, ...engine }) => engine],
      ['with a source that is nowhere', (engine) => ({ ...engine, sources: { base: { kind: 'layout' } } })],
      ['with parts of nothing', (engine) => ({ ...engine, parts: [null] })],
      [
        'with an environment of numbers',
        (engine) => ({ ...engine, environment: { set: { A: 1 }, unset: [] } }),
      ],
      ['without an environment', (engine) => ({ ...engine, environment: {} })],
      ['of another contract', (engine) => ({ ...engine, contract: 0 })],
    ];
    const { sample, engine, home } = await installed();
    for (const [what, change] of changes) {
      writeFileSync(`${home}/engine.json`, JSON.stringify(change(engine)));
      expect(() => readEngine(sample.store.paths, 'first'), what).toThrow('is damaged');
    }
  });

  it('a record that is half written is told, and other engines are still found', async () => {
    const { sample, home } = await installed();
    await sample.install('second');
    writeFileSync(`${home}/engine.json`, '{');
    const told: string[] = [];
    const found = readEngines(sample.store.paths, (name) => void told.push(name));
    expect([found.map(({ name }) => name), told]).toEqual([['second'], ['first']]);
  });

  it('a lock is told that is not the one of its state', async () => {
    const { sample, engine, home, edit } = await installed();
    const read = () => readEngineLock(sample.store.paths, engine);
    const text = readFileSync(`${home}/lock.json`, 'utf8');
    expect(read().name).toBe('first');
    const unreadable = failing('EACCES', (path) => path.endsWith('/lock.json'));
    await withCalls({ readFileSync: unreadable }, () => {
      expect(read).toThrow(expect.objectContaining({ code: 'FILE_PERMISSION' }));
      expect(() => installedLock(sample.store.paths, engine)).toThrow(
        expect.objectContaining({ code: 'FILE_PERMISSION' }),
      );
    });
    edit('lock.json', '"description":""', '"description":"x"');
    expect(read, 'another description').toThrow('is missing or damaged');
    const other = text.replace('"path":"."', '"path":"bin"');
    writeFileSync(`${home}/lock.json`, other);
    writeFileSync(`${home}/.lock-sum`, digestOf(other));
    expect(read, 'another part').toThrow('is missing or damaged');
    unlinkSync(`${home}/lock.json`);
    expect(read, 'none').toThrow('is missing or damaged');
  });
});

describe('E04 the record of a layer', () => {
  it('does not count without the digest that it had, or without what is needed of it', async () => {
    const { sample, engine } = await installed();
    const [home = ''] = layersOf(sample, engine, 'base');
    const { sum: _, ...record } = JSON.parse(readFileSync(`${home}/layer.json`, 'utf8'));
    expect(readLayer(home)?.name).toBe('base');
    const write = (text: string) => {
      unlinkSync(`${home}/layer.json`);
      writeFileSync(`${home}/layer.json`, text);
    };
    write(JSON.stringify(record));
    expect(readLayer(home), 'without its digest').toBe(undefined);
    for (const key of ['whiteouts', 'opaques', 'descriptor']) {
      write(formatLayer({ ...record, [key]: undefined }));
      expect(readLayer(home), `without ${key}`).toBe(undefined);
    }
    write('{');
    expect(readLayer(home), 'half written').toBe(undefined);
    write(formatLayer(record));
    expect(readLayer(home)?.name).toBe('base');
  });
});

describe('A04 links that lead out of a source', () => {
  const leadingOut = [archive(symlink('out', '../elsewhere'), file('a', 'a'))];

  it('are refused without the consent of the publisher, and kept with it', async () => {
    const sample = await makeSample();
    await publishArchives(sample, 'single', leadingOut);
    await expect(sample.install('first', 'single')).rejects.toMatchObject({ code: 'LAYER_UNSAFE' });
    const consenting = { [annotationKeys.externalLinks]: 'inert' };
    await publishArchives(sample, 'single', leadingOut, consenting);
    await publishArchives(sample, 'tree', [...leadingOut, archive(file('b', 'b'))], consenting);
    const { engine } = await sample.install('first', 'single', 'tree');
    for (const { directory } of Object.values(engine.sources))
      expect(lstatSync(`${directory}/out`).isSymbolicLink()).toBe(true);
  });

  it('get into no tree either, though a layer was changed on the disk', async () => {
    const sample = await makeSample();
    await publishArchives(sample, 'tree', [archive(symlink('link', 'a')), archive(file('a', 'a'))]);
    const { engine, plan } = await sample.install('first', 'tree');
    const [home = ''] = layersOf(sample, engine, 'tree');
    chmodSync(`${home}/tree`, 0o755);
    unlinkSync(`${home}/tree/link`);
    symlinkSync('../../../elsewhere', `${home}/tree/link`);
    mark(engine.sources.tree?.directory ?? '');
    await expect(sample.apply(plan)).rejects.toMatchObject({ code: 'LAYER_UNSAFE' });
  });

  it('are no part of an engine, whether they lead far or to a neighbour', async () => {
    const sample = await makeSample();
    await publishArchives(
      sample,
      'single',
      [archive(symlink('far', '/'), symlink('near', '../single-neighbour'), file('a', 'a'))],
      { [annotationKeys.externalLinks]: 'inert' },
    );
    const { engine, plan } = await sample.install('first', 'single');
    const [home = ''] = layersOf(sample, engine, 'single');
    mkdirSync(`${home}/single-neighbour`);
    for (const path of ['far', 'near']) {
      const lock = { ...plan.lock, parts: [{ type: 'single', source: 'single', path }] };
      await expect(sample.apply({ ...plan, lock }), path).rejects.toMatchObject({ code: 'LAYER_UNSAFE' });
    }
  });
});

describe('E07 what leads elsewhere', () => {
  it('is no layer, though there is one', async () => {
    const { sample, engine } = await installed();
    const [home = ''] = layersOf(sample, engine, 'base');
    renameSync(home, `${sample.directory}/elsewhere`);
    symlinkSync(`${sample.directory}/elsewhere`, home);
    await expect(sample.plan('first')).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
  });

  it('is not the active engine', async () => {
    const { sample } = await installed();
    for (const target of ['../elsewhere/active', '/engines/first/active', 'engines/../x/active', 'first']) {
      symlinkSync(target, sample.store.paths.current);
      expect(readCurrent(sample.store.paths), target).toBe(undefined);
      unlinkSync(sample.store.paths.current);
    }
  });
});

function layersOf({ store }: Sample, { sources }: InstalledEngine, source: string): string[] {
  const found = sources[source];
  if (found === undefined || found.kind === 'directory') throw new Error('no layers');
  return found.layers.map(({ diffId }) => store.paths.layer(diffId));
}
