import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../../src/content/index.js';
import { acquireLock, type Lock } from '../../src/files/index.js';
import { removeTree } from '../../src/layer/index.js';
import { useEngine } from '../../src/shim/index.js';
import { gc, readHistory, repair, rollback, transaction, uninstall, verify } from '../../src/store/index.js';
import { mark } from '../../src/store/mark.js';
import { withHistory, withLock } from '../../src/store/store.js';
import { archive, file } from '../support/tar-archive.js';
import { layoutOf, publishArchives } from './layered.js';
import { makeSample, type Sample } from './sample.js';

/** A sample that keeps what is told. */
async function listened(): Promise<Sample & { readonly events: ProgressEvent[] }> {
  const events: ProgressEvent[] = [];
  const sample = await makeSample((event) => void events.push(event));
  return { ...sample, events };
}

type Listened = Awaited<ReturnType<typeof listened>>;

/** Has a lock until `work` waits for it, does something meanwhile, and gives it back. */
async function whileItWaits<T>(
  { store, events }: Listened,
  name: string,
  mode: 'shared' | 'exclusive',
  work: () => Promise<T>,
  meanwhile: () => unknown = () => {},
): Promise<T> {
  const lock = await acquireLock(store.paths.lock(name), mode, store.owner);
  const isTold = () => events.some((event) => event.type === 'waiting' && event.what.includes(`"${name}"`));
  let working: Promise<T> | undefined;
  try {
    working = work();
    await Promise.race([working, expect.poll(isTold).toBe(true)]);
    expect(isTold(), `somebody waits for ${name}`).toBe(true);
    await meanwhile();
  } finally {
    lock?.release();
  }
  return working;
}

const layerLock = (diffId: string) => `layer-${diffId.slice(diffId.indexOf(':') + 1)}`;

/** `tree` is an image of two layers. */
async function withTree(): Promise<Listened> {
  const sample = await listened();
  await publishArchives(sample, 'tree', [archive(file('a', 'a')), archive(file('b', 'b'))]);
  return sample;
}

function mend(sample: Sample) {
  return repair(sample.store, { mode: 'full', platform: 'linux', content: () => layoutOf(sample) });
}

describe('E03 one waits for the other', () => {
  it('with a change, for a collection', async () => {
    const sample = await listened();
    await sample.install('first');
    await whileItWaits(sample, 'store', 'exclusive', () => useEngine(sample.store, 'first'));
    await transaction(sample.store, 'a test', async () => {
      const lock = sample.store.paths.lock('store');
      expect(await acquireLock(lock, 'exclusive', sample.store.owner, { whenBusy: 'fail' })).toBe(undefined);
    });
  });

  it('with a collection, for a change', async () => {
    const sample = await listened();
    await sample.install('first');
    await whileItWaits(sample, 'store', 'shared', () => gc(sample.store, { generations: 1 }));
  });

  it('with an uninstall, which leaves what nothing needs to the next one', async () => {
    const sample = await listened();
    await sample.install('first');
    let lock: Lock | undefined;
    try {
      lock = await acquireLock(sample.store.paths.lock('store'), 'shared', sample.store.owner);
      expect(await uninstall(sample.store, 'first', 'refuse')).toMatchObject({ collectionDeferred: true });
    } finally {
      lock?.release();
    }
    expect(readdirSync(`${sample.store.paths.layers}/sha256`)).toHaveLength(2);
    await sample.install('second', 'base');
    expect(await uninstall(sample.store, 'second', 'refuse')).toMatchObject({ removedLayers: 2 });
  });

  it('for the names: use, rollback, uninstall', async () => {
    const sample = await listened();
    await sample.install('first');
    await sample.install('second');
    const changes: (() => Promise<unknown>)[] = [
      () => useEngine(sample.store, 'first'),
      () => rollback(sample.store, 1),
      () => uninstall(sample.store, 'first', 'deactivate'),
    ];
    for (const change of changes) {
      sample.events.length = 0;
      await whileItWaits(sample, 'selection', 'exclusive', change);
    }
  });

  it('for an engine: install, rollback back and forth, uninstall, repair', async () => {
    const sample = await listened();
    const install = () => sample.install('first');
    await whileItWaits(sample, 'engine-first', 'exclusive', install);
    await sample.install('second');
    const { engine } = await sample.install('first', 'base');
    for (const [name, change] of [
      ['engine-first', () => rollback(sample.store, 1)],
      ['engine-first', () => rollback(sample.store, 3)],
      ['engine-second', () => rollback(sample.store, 1)],
      [
        'engine-first',
        () => {
          writeFileSync(`${sample.store.paths.engineState('first', engine.id)}/env`, '');
          return mend(sample);
        },
      ],
      ['engine-first', () => uninstall(sample.store, 'first', 'deactivate')],
    ] as const) {
      sample.events.length = 0;
      if (name === 'engine-second') await rollback(sample.store, 2);
      sample.events.length = 0;
      await whileItWaits(sample, name, 'exclusive', change as () => Promise<unknown>);
    }
  });

  it('for a layer, which is then fetched by one only', async () => {
    const sample = await listened();
    const plan = await sample.plan('first');
    const [layer] = plan.fetch;
    await whileItWaits(sample, layerLock(layer?.diffId ?? ''), 'exclusive', () => sample.apply(plan));
    const other = await listened();
    const plans = [await other.plan('first'), await other.plan('second')];
    const both = () => Promise.all(plans.map((each) => other.apply(each)));
    const waiting = () => other.events.filter(({ type }) => type === 'waiting').length;
    await whileItWaits(other, layerLock(layer?.diffId ?? ''), 'exclusive', both, () =>
      expect.poll(waiting).toBeGreaterThan(1),
    );
    const fetched = other.events.flatMap((event) => (event.type === 'transferred' ? [event.id] : []));
    expect(fetched.sort()).toEqual(plan.fetch.map(({ diffId }) => diffId).sort());
  });

  it('for a tree, which is then that of the first', async () => {
    const sample = await withTree();
    const plan = await sample.plan('first', 'tree');
    const directory = plan.compose[0]?.directory ?? '';
    const name = `tree-${dirname(directory).split('/').at(-1)}`;
    const meanwhile = () => {
      mkdirSync(directory, { mode: 0o755 });
      writeFileSync(`${directory}/whose`, 'of the first');
    };
    await whileItWaits(sample, name, 'exclusive', () => sample.apply(plan), meanwhile);
    expect(readdirSync(directory)).toEqual(['whose']);
  });

  it('to verify a layer, which may be gone by then', async () => {
    const sample = await listened();
    const { plan } = await sample.install('first');
    await removeTree(sample.store.paths.engine('first'));
    const { diffId } = plan.fetch[0] ?? { diffId: '' as never };
    const verifying = () => verify(sample.store, { mode: 'full', platform: 'linux' });
    const { faults } = await whileItWaits(sample, layerLock(diffId), 'exclusive', verifying, () =>
      removeTree(sample.store.paths.layer(diffId)),
    );
    expect(faults).toEqual([]);
  });

  it('to write the history, and gives it back whatever happens', async () => {
    const sample = await listened();
    await whileItWaits(sample, 'history', 'exclusive', () => sample.install('first'));
    await withHistory(sample.store, () => {
      throw new Error('a test');
    });
    const fails = withLock(sample.store, 'test', 'exclusive', async () => {
      throw new Error('a test');
    });
    await expect(fails).rejects.toThrow('a test');
    expect(readdirSync(sample.store.paths.locks)).toEqual([]);
  });

  it('to make a state again, whoever installs the engine after it was verified', async () => {
    const sample = await listened();
    const { engine } = await sample.install('first');
    const env = `${sample.store.paths.engineState('first', engine.id)}/env`;
    writeFileSync(env, '');
    let lock: Promise<Lock | undefined> | undefined;
    const content = () => {
      lock ??= acquireLock(sample.store.paths.lock('engine-first'), 'exclusive', sample.store.owner);
      return layoutOf(sample);
    };
    const repairing = repair(sample.store, { mode: 'full', platform: 'linux', content });
    try {
      const isWaiting = () => sample.events.some(({ type }) => type === 'waiting');
      await Promise.race([repairing, expect.poll(isWaiting).toBe(true)]);
      expect(isWaiting()).toBe(true);
      expect(readFileSync(env, 'utf8'), 'nothing was made yet').toBe('');
    } finally {
      (await lock)?.release();
    }
    expect((await repairing).states).toEqual([`first/${engine.id}`]);
  });

  it('to remove damaged layers that no engine needs', async () => {
    const sample = await listened();
    const { plan } = await sample.install('first');
    await removeTree(sample.store.paths.engine('first'));
    const home = sample.store.paths.layer(plan.fetch[0]?.diffId ?? ('' as never));
    writeFileSync(`${home}/layer.json`, '{}');
    const lock = await acquireLock(sample.store.paths.lock('store'), 'shared', sample.store.owner);
    const { removed, problems } = await mend(sample).finally(() => lock?.release());
    expect(removed).toEqual([]);
    expect(problems).toMatchObject([{ engine: '', hint: expect.stringContaining('engineshed gc') }]);
    expect(existsSync(home)).toBe(true);
  });
});

describe('E03 meanwhile', () => {
  it('what a living process makes stays', async () => {
    const { store } = await makeSample();
    await transaction(store, 'one', async ({ staging }) => {
      await transaction(store, 'another', async () => {});
      expect(existsSync(staging)).toBe(true);
    });
  });

  it('E04 no tree is made of a layer that was found damaged', async () => {
    const sample = await withTree();
    const plan = await sample.plan('first', 'tree');
    const [lower, upper] = plan.fetch;
    const home = sample.store.paths.layer(lower?.diffId ?? ('' as never));
    const waiting = whileItWaits(
      sample,
      layerLock(upper?.diffId ?? ''),
      'exclusive',
      () => sample.apply(plan),
      async () => {
        await expect.poll(() => existsSync(home)).toBe(true);
        mark(`${home}/tree`);
      },
    );
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('gc keeps an engine that was made the active one', async () => {
    const sample = await listened();
    await sample.install('first');
    await sample.install('second');
    const collecting = () => gc(sample.store, { generations: 1, unusedMs: 0 });
    const { engines } = await whileItWaits(sample, 'selection', 'exclusive', collecting, () => {
      symlinkSync('engines/first/active', `${sample.store.paths.root}/new`);
      renameSync(`${sample.store.paths.root}/new`, sample.store.paths.current);
    });
    expect(engines.map(({ name }) => name)).toEqual(['second']);
    expect(lstatSync(sample.store.paths.engineActive('first')).isSymbolicLink()).toBe(true);
    expect(readHistory(sample.store.paths).generations.at(-1)?.active).toBe('first');
  });
});
