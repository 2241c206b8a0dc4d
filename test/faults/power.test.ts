// First of all: what takes a call of `node:fs` aside when it is loaded takes the one that is watched.
import '../support/durability.js';

import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLayout, writeArchive } from '../../src/content/index.js';
import { storeLogin } from '../../src/credentials/index.js';
import { ownerOf } from '../../src/files/index.js';
import { describe as describeContent, digestOf, mediaTypes } from '../../src/oci/index.js';
import { useEngine } from '../../src/shim/index.js';
import { gc, readEngine, repair, rollback, uninstall } from '../../src/store/index.js';
import { layoutOf, publishArchives } from '../store/layered.js';
import { makeSample, type Sample } from '../store/sample.js';
import { type Durable, powerCut } from '../support/durability.js';
import { archive, file } from '../support/tar-archive.js';
import { inPieces } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

/**
 * What decision 0005 promises of a store: nothing that only running processes need, not the files of layers, and not that what nobody
 * needs any more is gone. A layer whose record is lost is one that is not there.
 */
function isKept(path: string, what: 'bytes' | 'name'): boolean {
  const [, inStore] = /^store\/(.+)$/.exec(path) ?? [];
  if (inStore === undefined) return path === 'store';
  if (/^(staging|locks|partial|reserve)\/|^engines\/[^/]+\/used$|\/\.damaged-/.test(inStore)) return false;
  if (what === 'bytes' && /^layers\/[^/]+\/[^/]+\/(layer\.json|\.inventory)$/.test(inStore)) return true;
  return !/^(layers|trees)\/[^/]+\/[^/]+\/./.test(inStore);
}

const isName = (path: string) => /^store\/(current|engines\/[^/]+(\/active)?)$/.test(path);

async function expectDurable(
  root: string,
  work: () => Promise<unknown>,
  of: Partial<Durable> = {},
): Promise<void> {
  const durable = { root, isKept: () => true, isName: () => false, ...of };
  const { losses, syncs } = await powerCut(durable, work);
  expect(losses).toEqual([]);
  expect(syncs).toBeGreaterThan(0);
}

describe('a power cut', () => {
  const inStore = ({ directory }: Sample, work: () => Promise<unknown>) =>
    expectDurable(directory, work, { isKept, isName });

  it('takes nothing that an install has put in its place, and no name leads to what it takes', async () => {
    const sample = await makeSample();
    await publishArchives(sample, 'tree', [archive(file('a', 'a')), archive(file('b', 'b'))]);
    await inStore(sample, () => sample.install('first', 'base', 'tree'));
    await inStore(sample, () => sample.install('second', 'base', 'extra'));
  });

  it('takes nothing of what a name was led to', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await inStore(sample, () => useEngine(sample.store, 'first'));
    await sample.install('second');
    await inStore(sample, () => useEngine(sample.store, 'second'));
    await inStore(sample, () => rollback(sample.store, 1));
    await inStore(sample, () => rollback(sample.store, 4));
  });

  it('brings no engine back that was uninstalled', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await sample.install('second');
    await useEngine(sample.store, 'first');
    await inStore(sample, () => uninstall(sample.store, 'first', 'deactivate'));
  });

  it('takes nothing that was mended', async () => {
    const sample = await makeSample();
    const { engine } = await sample.install('first');
    const home = sample.store.paths.engineState('first', engine.id);
    truncateSync(`${home}/env`, 1);
    rmSync(`${home}/lock.json`);
    rmSync(`${home}/sources/base`);
    await inStore(sample, () => sample.install('first'));
    rmSync(home, { recursive: true });
    await inStore(sample, () => sample.install('first'));
    truncateSync(`${home}/parts/../env`, 1);
    const content = () => layoutOf(sample);
    await inStore(sample, () => repair(sample.store, { mode: 'full', platform: 'linux', content }));
    expect(readEngine(sample.store.paths, 'first').id).toBe(engine.id);
  });

  it('takes no generation that gc keeps', async () => {
    const sample = await makeSample();
    await sample.install('first');
    await sample.install('second');
    await inStore(sample, () => gc(sample.store, { generations: 1, unusedMs: 0 }));
  });

  it('takes nothing of an image layout', async () => {
    const root = temporaryDirectory();
    const bytes = Buffer.from('{}');
    const blob = describeContent(mediaTypes.imageConfig, bytes);
    await expectDurable(
      root,
      async () => {
        const layout = createLayout(`${root}/deep/images`, ownerOf(process.pid));
        await layout.push(blob, async () => inPieces(bytes));
        const sha512 = { ...blob, digest: digestOf(bytes, 'sha512') };
        await layout.push(sha512, async () => inPieces(bytes));
        const file = layout.temporaryFile();
        writeFileSync(file, 'adopted');
        await layout.adopt(file, describeContent(mediaTypes.layerTar, Buffer.from('adopted')));
        await layout.tag(blob, 'one');
      },
      { isKept: (path) => !path.includes('.engineshed-') },
    );
  });

  it('takes nothing of an archive of images', async () => {
    const root = temporaryDirectory();
    const bytes = Buffer.from('{}');
    const blob = describeContent(mediaTypes.imageConfig, bytes);
    const options = { path: `${root}/x.tar`, label: 'x.tar', owner: ownerOf(process.pid) } as const;
    await expectDurable(
      root,
      () =>
        writeArchive({ ...options, kind: 'oci-archive', ifPresent: 'refuse' }, (target) =>
          target.push(blob, async () => inPieces(bytes)),
        ),
      { isKept: (path) => path === 'x.tar' },
    );
  });

  it('takes no login', async () => {
    const root = temporaryDirectory();
    const options = { env: { PATH: '/usr/bin:/bin' }, home: root, owner: ownerOf(process.pid) };
    const login = { kind: 'password', username: 'ada', password: 'x' } as const;
    await expectDurable(root, () => storeLogin(options, { registry: 'ghcr.io', path: '' }, login), {
      isKept: (path) => !path.includes('.engineshed-'),
    });
  });
});
