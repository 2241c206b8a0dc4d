import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock } from '../../src/files/index.js';
import {
  applyInstall,
  installedLock,
  type Remembered,
  readEngine,
  readEngineLock,
  rememberingTarget,
  repair,
  type Store,
  steadily,
  uninstall,
  verify,
} from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { archive, file } from '../support/tar-archive.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

/** `first` has a source of two layers, and so a tree. */
async function makeLayered(): Promise<Sample> {
  const sample = await makeSample();
  await publishArchives(sample, 'tree', [archive(file('a', 'lower')), archive(file('b', 'upper'))]);
  await sample.install('first', 'tree');
  return sample;
}

/** What is verified, fully. */
const all = { engine: undefined, mode: 'full', platform: 'linux' } as const;

describe('an engine that is uninstalled while it is verified', () => {
  it.each(['verify', 'repair'] as const)('E03 is no damage: %s', async (command) => {
    const sample = await makeLayered();
    const { paths, owner } = sample.store;
    // As the process that uninstalls it does.
    const lock = await acquireLock(paths.lock('engine-first'), 'exclusive', owner);
    let isWaiting = () => {};
    const waits = new Promise<void>((resolve) => {
      isWaiting = resolve;
    });
    const store: Store = { ...sample.store, report: ({ type }) => type === 'waiting' && isWaiting() };
    const content = () => layoutOf(sample);
    const ended = command === 'verify' ? verify(store, all) : repair(store, { ...all, content });
    await waits;
    mkdirSync(`${sample.directory}/gone`);
    renameSync(paths.engine('first'), `${sample.directory}/gone/first`);
    lock?.release();
    const report = await ended;
    expect(
      'faults' in report ? report.faults : [report.found.faults, report.problems, report.states],
    ).toEqual('faults' in report ? [] : [[], [], []]);
    expect(existsSync(paths.engine('first'))).toBe(false);
  });
});

describe('a state that is removed between the reading of its record and of its lock', () => {
  it.each([
    ['readEngineLock', readEngineLock],
    ['installedLock', installedLock],
  ] as const)('E03 is no damage: %s', async (_name, read) => {
    const sample = await makeSample();
    await sample.install('first');
    const { paths } = sample.store;
    const engine = readEngine(paths, 'first');
    rmSync(paths.engineState('first', engine.id), { recursive: true });
    expect(() => read(paths, engine)).toThrow(
      expect.objectContaining({
        code: 'ENGINE_NOT_INSTALLED',
        message: `The state first@${engine.id} is not installed: another process removed it meanwhile`,
        hint: 'Give the command again.',
      }),
    );
  });

  it('E03 is damage where only the lock is gone', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const { paths } = sample.store;
    const engine = readEngine(paths, 'first');
    rmSync(`${paths.engineState('first', engine.id)}/lock.json`);
    expect(() => readEngineLock(paths, engine)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });

  it('E03 gives way to the state that replaced it', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await sample.install('second');
    const { paths } = sample.store;
    const gone = readEngine(paths, 'first');
    let reads = 0;
    const lock = steadily(() => {
      reads++;
      const engine = readEngine(paths, reads === 1 ? 'first' : 'second');
      if (engine.id === gone.id) rmSync(paths.engineState('first', gone.id), { recursive: true });
      return readEngineLock(paths, engine);
    });
    expect([lock.name, reads]).toEqual(['second', 2]);
    expect(() => steadily(() => readEngine(paths, 'third'))).toThrow(
      expect.objectContaining({ code: 'ENGINE_NOT_INSTALLED' }),
    );
  });
});

describe('an engine that is resolved with manifests that the store has', () => {
  it('E03 keeps them, though an uninstall takes them before it is installed', async () => {
    const sample = await makeSample();
    await sample.install('first');
    const remembered: Remembered = new Map();
    const target = rememberingTarget(sample.store, layoutOf(sample), remembered);
    const plan = await sample.plan('second');
    for (const source of Object.values(plan.lock.sources)) {
      if (source.kind === 'directory') continue;
      for (const descriptor of [source.manifest, source.config]) await target.fetch(descriptor);
    }
    await uninstall(sample.store, 'first', 'refuse');
    await applyInstall(sample.store, plan, {
      content: () => target,
      remembered,
      admission: await admitted(plan.lock),
      platform: 'linux',
    });
    expect((await verify(sample.store, all)).faults).toEqual([]);
  });
});

describe('a tree whose maker was killed before the last step', () => {
  it('E01 is finished by the next install', async () => {
    const sample = await makeLayered();
    const tree = readEngine(sample.store.paths, 'first').sources.tree?.directory ?? '';
    expect(tree).toContain('/trees/');
    const { ino } = lstatSync(dirname(tree));
    chmodSync(tree, 0o755);
    await sample.install('first', 'tree');
    expect([lstatSync(tree).mode & 0o777, lstatSync(dirname(tree)).ino]).toEqual([0o555, ino]);
    expect((await verify(sample.store, all)).faults).toEqual([]);
  });
});
