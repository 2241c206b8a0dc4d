import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gc, planInstall, rollback, uninstall, verify } from '../../src/store/index.js';
import { makeSample } from '../store/sample.js';
import { call, lockOf, makeStand } from './stand.js';

describe('the shims of a store', () => {
  it('come with the engines that have the commands, and go with the last of them', async () => {
    const stand = await makeStand();
    const { store } = stand;
    const { shims } = store.paths;
    expect(readdirSync(shims)).toEqual(['say']);
    await stand.install(lockOf('third', '', `${stand.home}/tools`, ['ask', 'say']));
    expect(readdirSync(shims).sort()).toEqual(['ask', 'say']);
    await uninstall(store, 'third', 'refuse');
    expect(readdirSync(shims)).toEqual(['say']);
    await uninstall(store, 'first', 'refuse');
    expect(readdirSync(shims)).toEqual(['say']);
    await uninstall(store, 'second', 'refuse');
    expect(readdirSync(shims)).toEqual([]);
  });

  it('stay for what can be gone back to, until gc takes it', async () => {
    const stand = await makeStand();
    const { store } = stand;
    await stand.install(lockOf('third', '1', `${stand.home}/tools`, ['ask']));
    await stand.install(lockOf('third', '2', `${stand.home}/tools`, []));
    expect(readdirSync(store.paths.shims).sort()).toEqual(['ask', 'say']);
    await rollback(store, undefined);
    expect(call(stand, [store.paths.shim('ask'), '+third']).stdout).toContain('third@');
    await stand.install(lockOf('third', '2', `${stand.home}/tools`, []));
    await gc(store, { generations: 1 });
    expect(readdirSync(store.paths.shims)).toEqual(['say']);
  });

  it('are made anew by the next change where they are missing, changed or of another version', async () => {
    const stand = await makeStand();
    const { store } = stand;
    const shim = store.paths.shim('say');
    const text = readFileSync(shim, 'utf8');
    rmSync(store.paths.shims, { recursive: true });
    const lock = lockOf('second', 'second', `${stand.home}/tools`);
    expect(planInstall(store, lock).upToDate).toBe(false);
    await stand.install(lock);
    expect(readFileSync(shim, 'utf8')).toBe(text);
    expect(planInstall(store, lock).upToDate).toBe(true);
    writeFileSync(shim, text.replace('set +eu', 'exit 3'));
    await verify(store, { mode: 'fast', platform: 'linux' });
    expect(readFileSync(shim, 'utf8')).toBe(text);
    expect(lstatSync(shim).mode & 0o111).toBe(0o111);
    chmodSync(shim, 0o644);
    await verify(store, { mode: 'fast', platform: 'linux' });
    expect(lstatSync(shim).mode & 0o111).toBe(0o111);
  });

  it('E10 never take the place of what somebody else made', async () => {
    const stand = await makeStand();
    const { store, home } = stand;
    const mine = store.paths.shim('ask');
    writeFileSync(mine, '#!/bin/sh\necho mine\n');
    const lock = lockOf('third', '', `${home}/tools`, ['ask']);
    await expect(stand.install(lock)).rejects.toMatchObject({
      code: 'FILE_IN_THE_WAY',
      details: { path: mine },
    });
    expect(existsSync(store.paths.engine('third'))).toBe(false);
    expect(readFileSync(mine, 'utf8')).toBe('#!/bin/sh\necho mine\n');
    rmSync(mine);
    symlinkSync('/etc/passwd', mine);
    await expect(stand.install(lock)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    rmSync(mine);
    mkdirSync(mine);
    await expect(stand.install(lock)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    rmSync(mine, { recursive: true });
    await stand.install(lock);
    // What comes in the place of a shim later stays as well.
    writeFileSync(mine, 'mine');
    const warnings: unknown[] = [];
    await uninstall({ ...store, report: (event) => warnings.push(event) }, 'first', 'refuse');
    expect(warnings).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('The command ask has no shim'),
    });
    await uninstall(store, 'third', 'refuse');
    expect(readFileSync(mine, 'utf8')).toBe('mine');
  });

  it('E07 are not made through a link in the place of their directory', async () => {
    const stand = await makeStand();
    const { store, home } = stand;
    rmSync(store.paths.shims, { recursive: true });
    mkdirSync(`${home}/theirs`);
    symlinkSync(`${home}/theirs`, store.paths.shims);
    await expect(stand.install(lockOf('third', '', `${home}/tools`))).rejects.toMatchObject({
      code: 'FILE_IN_THE_WAY',
    });
    expect(readdirSync(`${home}/theirs`)).toEqual([]);
  });

  it('are not needed by a store without them', async () => {
    const { store, install } = await makeSample();
    await install('first');
    expect(existsSync(store.paths.shims)).toBe(false);
    expect(readdirSync(store.paths.engineActive('first')).sort()).toEqual(
      ['.lock-sum', 'engine.json', 'env', 'lock.json', 'parts', 'sources'].sort(),
    );
  });
});
