import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryTarget, streamOf } from '../../src/content/index.js';
import { type Owner, ownedName, ownerOf } from '../../src/files/index.js';
import { type Digest, describe as describeContent, mediaTypes } from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import { readStored } from '../../src/store/content.js';
import { makeOwnDirectory } from '../../src/store/directory.js';
import {
  readCurrent,
  readEngine,
  readHistory,
  rememberingTarget,
  sweepStore,
  transaction,
} from '../../src/store/index.js';
import { installContent } from '../../src/store/install.js';
import { engineNames } from '../../src/store/record.js';
import { failing, systemError, withCalls } from '../support/calls.js';
import { archive, file } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { installed } from './damaging.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample } from './sample.js';

const dead: Owner = { ...ownerOf(process.pid), start: '1' };

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
