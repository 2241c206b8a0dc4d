import {
  chmodSync,
  cpSync,
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
import { describe, expect, it } from 'vitest';
import { memoryTarget, streamOf } from '../../src/content/index.js';
import type { EngineLock } from '../../src/engine/index.js';
import { type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import {
  annotationKeys,
  type Digest,
  describe as describeContent,
  digestOf,
  mediaTypes,
} from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import { readStored } from '../../src/store/content.js';
import { makeOwnDirectory } from '../../src/store/directory.js';
import {
  type InstalledEngine,
  installedLock,
  planInstall,
  readCurrent,
  readEngine,
  readEngineLock,
  readEngines,
  readHistory,
  rememberingTarget,
  storeAt,
  sweepStore,
  transaction,
} from '../../src/store/index.js';
import { installContent } from '../../src/store/install.js';
import { formatLayer, readLayer } from '../../src/store/layer.js';
import { mark } from '../../src/store/mark.js';
import { engineNames } from '../../src/store/record.js';
import { failing, systemError, withCalls } from '../support/calls.js';
import { archive, file, symlink } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

const dead: Owner = { ...ownerOf(process.pid), start: '1' };

/** The state of `first`, and changing a file of it. */
async function installed() {
  const sample = await makeSample();
  const { engine, plan } = await sample.install('first');
  const home = sample.store.paths.engineState('first', engine.id);
  const edit = (name: string, from: string | RegExp, to: string) => {
    const text = readFileSync(`${home}/${name}`, 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${name} has no ${from}`);
    writeFileSync(`${home}/${name}`, changed);
  };
  const isUpToDate = async () => (await sample.plan('first')).upToDate;
  return { sample, engine, plan, home, edit, isUpToDate };
}

function layersOf({ store }: Sample, { sources }: InstalledEngine, source: string): string[] {
  const found = sources[source];
  if (found === undefined || found.kind === 'directory') throw new Error('no layers');
  return found.layers.map(({ diffId }) => store.paths.layer(diffId));
}

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

describe('a file system that does not tell upper from lower case', () => {
  it('has no two engines whose names it folds', async () => {
    const { sample } = await installed();
    const { paths } = sample.store;
    const fold = (real: unknown) =>
      ((...args: unknown[]) =>
        (real as (...args: unknown[]) => unknown)(
          ...args.map((arg) =>
            typeof arg === 'string' && arg.startsWith(paths.engines) ? arg.replace('/First', '/first') : arg,
          ),
        )) as never;
    const before = treeOf(paths.engines);
    const calls = {
      lstatSync: fold,
      mkdirSync: fold,
      renameSync: fold,
      readFileSync: fold,
      readdirSync: fold,
    };
    await withCalls(calls, () =>
      expect(sample.install('First')).rejects.toMatchObject({ code: 'NAME_INVALID' }),
    );
    expect(treeOf(paths.engines)).toEqual(before);
  });
});

describe('E02 what fails', () => {
  it('is not taken for what is not there: records and names', async () => {
    const { sample, home } = await installed();
    const unreadable = failing('EIO', (path) => path.startsWith(home) || path === sample.store.paths.engines);
    await withCalls({ readFileSync: unreadable, readdirSync: unreadable }, () => {
      expect(() => readEngine(sample.store.paths, 'first')).not.toThrow('is not installed');
      expect(() => engineNames(sample.store.paths)).toThrow('EIO');
    });
    const active = failing('EIO', (path) => path.startsWith(sample.store.paths.engines));
    await withCalls({ readFileSync: active }, () =>
      expect(() => readEngine(sample.store.paths, 'first')).toThrow('EIO'),
    );
  });

  it('a full disk gets the room of interrupted downloads', async () => {
    const { sample } = await installed();
    const store = { ...sample.store, now: () => new Date() };
    const partial = `${store.paths.partial}/sha256-${'a'.repeat(64)}.${'b'.repeat(16)}`;
    writeFileSync(partial, 'x');
    const full = async () => {
      throw systemError('ENOSPC', 'write');
    };
    await expect(transaction(store, 'a test', full)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(existsSync(partial)).toBe(false);
  });

  it('a history that cannot be written stops nothing, and is told', async () => {
    const warnings: string[] = [];
    const sample = await makeSample((event) => event.type === 'warning' && warnings.push(event.message));
    await sample.install('first');
    rmSync(`${sample.store.paths.history}/position`);
    mkdirSync(`${sample.store.paths.history}/position/full`, { recursive: true });
    await useEngine(sample.store, 'first');
    expect(readCurrent(sample.store.paths)).toBe('first');
    expect(warnings[0]).toContain('The history could not be written');
  });

  it('a layer that could not be made leaves its room to the next attempt, and no place', async () => {
    const sample = await makeSample();
    const plan = await sample.plan('first', 'base');
    const [layer] = plan.fetch;
    const full = failing('ENOSPC', (path) => path.endsWith('/layer.json'));
    await transaction(sample.store, 'a test', async (running) => {
      const content = () => layoutOf(sample);
      await withCalls({ openSync: full }, () =>
        expect(installContent(sample.store, running, plan, content)).rejects.toMatchObject({
          code: 'DISK_FULL',
        }),
      );
      expect(readdirSync(running.staging)).toEqual([]);
    });
    expect(existsSync(sample.store.paths.layer(layer?.diffId ?? ('' as Digest)))).toBe(false);
  });

  it('a tree that could not be made leaves no place', async () => {
    const sample = await makeSample();
    await publishArchives(sample, 'tree', [archive(file('a', 'a')), archive(file('b', 'b'))]);
    const plan = await sample.plan('first', 'tree');
    const directory = plan.compose[0]?.directory ?? '';
    await sample.install('second', 'base');
    const full = failing('ENOSPC', (path) => path.startsWith(sample.store.paths.layers));
    await withCalls({ linkSync: full }, () =>
      expect(sample.apply(plan)).rejects.toMatchObject({ code: 'DISK_FULL' }),
    );
    expect(existsSync(directory)).toBe(false);
  });

  it('is not in the way of a sweep of a store that can only be read', async () => {
    const { sample } = await installed();
    mkdirSync(`${sample.store.paths.staging}/left`);
    const readOnly = failing('EROFS', (path) => path.startsWith(sample.store.paths.root));
    await withCalls({ mkdirSync: readOnly, openSync: readOnly }, () => sweepStore(sample.store));
    const broken = failing('EIO', (path) => path.startsWith(sample.store.paths.staging));
    await withCalls({ mkdirSync: broken }, () =>
      expect(sweepStore(sample.store)).rejects.toMatchObject({ code: 'IO_FAILED' }),
    );
  });
});

describe('E01 what killed processes left', () => {
  it('goes: locks that are none, staging, old beginnings of downloads', async () => {
    const { sample } = await installed();
    const { paths } = sample.store;
    writeFileSync(`${paths.locks}/stray`, '');
    mkdirSync(`${paths.staging}/${ownedName(dead)}/deep`, { recursive: true });
    writeFileSync(`${paths.partial}/stray`, '');
    await useEngine(sample.store, 'first');
    for (const directory of [paths.locks, paths.staging, paths.partial])
      expect(readdirSync(directory)).toEqual([]);
  });

  it('stops nothing where it cannot be removed', async () => {
    const { sample } = await installed();
    const left = `${sample.store.paths.staging}/${ownedName(dead)}`;
    mkdirSync(left);
    await withCalls({ rmdirSync: failing('EACCES', (path) => path.startsWith(left)) }, () =>
      useEngine(sample.store, 'first'),
    );
    expect(readCurrent(sample.store.paths)).toBe('first');
    await useEngine(sample.store, 'first');
    expect(existsSync(left)).toBe(false);
  });

  it('and a change that fails leaves nothing', async () => {
    const { sample } = await installed();
    const fails = async () => {
      throw new Error('a test');
    };
    await expect(transaction(sample.store, 'a test', fails)).rejects.toThrow('a test');
    expect(readdirSync(sample.store.paths.staging)).toEqual([]);
    expect(readdirSync(sample.store.paths.locks)).toEqual([]);
  });

  it('what it did before it was killed is in the history', async () => {
    const { sample } = await installed();
    symlinkSync('engines/first/active', sample.store.paths.current);
    await transaction(sample.store, 'a test', async () => {});
    expect(readHistory(sample.store.paths).generations.at(-1)).toMatchObject({
      change: 'interrupted',
      active: 'first',
    });
  });
});

describe('E08 directories', () => {
  it('of what is being made are for nobody else, whatever the umask', async () => {
    const { sample } = await installed();
    const umask = process.umask(0);
    try {
      await transaction(sample.store, 'a test', async ({ staging }) =>
        expect(lstatSync(staging).mode & 0o777).toBe(0o700),
      );
    } finally {
      process.umask(umask);
    }
  });

  it('that another process makes meanwhile are taken', async () => {
    const { sample } = await installed();
    const twice = (real: (path: string) => void) => (path: string) => {
      real(path);
      real(path);
    };
    await withCalls({ mkdirSync: twice as never }, () => makeOwnDirectory(`${sample.directory}/new`));
    expect(lstatSync(`${sample.directory}/new`).isDirectory()).toBe(true);
  });
});

describe('content that is kept', () => {
  const bytes = Buffer.from('{}');
  const config = describeContent(mediaTypes.imageConfig, bytes);

  it('has its digest and its size, whoever gives it', async () => {
    const { sample } = await installed();
    const lying = { ...memoryTarget(), fetch: async () => streamOf(Buffer.from('[]')) };
    const remembered = new Map();
    const target = rememberingTarget(sample.store, lying, remembered);
    await expect(target.fetch(config)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(remembered.size).toBe(0);
    mkdirSync(`${sample.store.paths.blobs}/sha256`, { recursive: true });
    writeFileSync(sample.store.paths.blob(config.digest), bytes);
    expect(readStored(sample.store, config)).toEqual(bytes);
    expect(readStored(sample.store, { ...config, size: 3 })).toBe(undefined);
  });

  it('is small: what is large is not gathered in memory', async () => {
    const { sample } = await installed();
    const large = { ...config, size: 100 * 1024 * 1024 };
    const remembered = new Map();
    const place = { ...memoryTarget(), fetch: async () => streamOf(bytes) };
    const stream = await rememberingTarget(sample.store, place, remembered).fetch(large);
    for await (const chunk of stream) expect(chunk).toBe(bytes);
    expect(remembered.size).toBe(0);
  });
});
