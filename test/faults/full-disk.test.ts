import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newUser, type User } from '../acceptance/cli.js';
import { components, publishProduct } from '../support/product.js';
import { scripted } from '../support/registry-client.js';
import { readTree } from '../support/tree.js';
import { verified } from './checks.js';
import { cannotMount, fill, mountSmall, remount } from './mounts.js';
import { expectRunning, expectSwept } from './situation.js';

/** A user whose store is on a small file system of its own; `options` are those of tmpfs. */
async function userOnSmallDisk(options: string): Promise<User> {
  const user = newUser();
  mkdirSync(user.store);
  mountSmall(user.store, options);
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  return user;
}

describe.skipIf(cannotMount)('E02 a full disk', () => {
  it('of bytes: nothing is left of the attempt, the engine runs, and room helps', async () => {
    const user = await userOnSmallDisk('size=2m');
    // Content that does not fit, beside the components that do.
    const noise = randomBytes(3 << 20);
    writeFileSync(`${user.work}/components/engine/noise`, noise);
    await user.output(['publish', 'components/engine', 'oci:images/engine:2.0.0']);
    await expectFull(user, ['install', 'hello-2.0.0', '--use']);
    remount(user.store, 'size=16m');
    await user.output(['install', 'hello-2.0.0', '--use']);
    await expectRunning({ user }, 'hello-2.0.0');
  });

  it('of bytes, to the last one: use and uninstall', async () => {
    const user = await userOnSmallDisk('size=1m');
    await user.output(['install', 'hello-2.0.0']);
    fill(user.store, 'bytes');
    // A link needs no block here; whatever happens, it is the one engine or the other.
    const used = await user.engineshed(['use', 'hello-2.0.0']);
    expect([0, 74]).toContain(used.status);
    await expectRunning({ user }, 'hello-1.0.0', 'hello-2.0.0');
    await user.output(['uninstall', used.status === 0 ? 'hello-1.0.0' : 'hello-2.0.0']);
    await expectRunning({ user }, 'hello-1.0.0', 'hello-2.0.0');
    expectSwept(user);
  });

  it('of inodes', async () => {
    const user = await userOnSmallDisk('size=16m,nr_inodes=100');
    for (let at = 0; at < 100; at++) writeFileSync(`${user.work}/components/engine/file-${at}`, '');
    await user.output(['publish', 'components/engine', 'oci:images/engine:2.0.0']);
    await expectFull(user, ['install', 'hello-2.0.0', '--use']);
    remount(user.store, 'nr_inodes=1000');
    await user.output(['install', 'hello-2.0.0', '--use']);
    await expectRunning({ user }, 'hello-2.0.0');
    expectSwept(user);
  });

  it('of inodes, to the last one', async () => {
    const user = await userOnSmallDisk('size=16m,nr_inodes=120');
    await user.output(['install', 'hello-2.0.0']);
    const makeRoom = fill(user.store, 'inodes');
    await expectFull(user, ['use', 'hello-2.0.0']);
    makeRoom();
    await user.output(['use', 'hello-2.0.0']);
    await expectRunning({ user }, 'hello-2.0.0');
    expectSwept(user);
  });

  it.each(['bytes', 'inodes'] as const)(
    'of %s, to the last one: gc frees what nothing needs',
    async (what) => {
      const user = await userOnSmallDisk('size=2m,nr_inodes=300');
      await user.output(['install', 'hello-2.0.0']);
      await user.output(['uninstall', 'hello-2.0.0']);
      await user.output(['install', 'oci:images/engine:2.0.0', '--name', 'unused']);
      const makeRoom = fill(user.store, what);
      await user.output(['gc', '--keep', '1', '--unused-for', '0h']);
      expect((await user.json(['list'])).engines).toHaveLength(1);
      expect((await user.json(['history'])).generations).toHaveLength(1);
      // What was freed keeps room for the next time.
      makeRoom();
      fill(user.store, what);
      await user.output(['gc']);
      await expectRunning({ user }, 'hello-1.0.0');
      expect(await verified('after gc', user)).toEqual([]);
      expectSwept(user);
    },
  );

  it.each(['bytes', 'inodes'] as const)('of %s, to the last one: uninstall frees an engine', async (what) => {
    const user = await userOnSmallDisk('size=2m,nr_inodes=300');
    await user.output(['install', 'hello-2.0.0']);
    fill(user.store, what);
    expect((await user.engineshed(['uninstall', 'hello-2.0.0'])).stderr).toBe('');
    expect((await user.json(['list'])).engines).toHaveLength(1);
    await expectRunning({ user }, 'hello-1.0.0');
    expectSwept(user);
  });

  it('of inodes, to the last one: a store without a reserve gives its cache, or takes nothing of use', async () => {
    const user = await userOnSmallDisk('size=2m,nr_inodes=300');
    await user.output(['install', 'hello-2.0.0']);
    await user.output(['uninstall', 'hello-2.0.0']);
    rmSync(`${user.store}/reserve`, { recursive: true });
    const makeRoom = fill(user.store, 'inodes');
    await expectFull(user, ['gc']);
    makeRoom();
    mkdirSync(`${user.store}/cache`);
    for (let at = 0; at < 10; at++) writeFileSync(`${user.store}/cache/${at}`, '');
    fill(user.store, 'inodes');
    await user.output(['gc', '--keep', '1']);
    expect(await verified('after gc', user)).toEqual([]);
    await expectRunning({ user }, 'hello-1.0.0');
    expectSwept(user);
  });

  it('of inodes: an export leaves nothing, and the earlier file as it was', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    const out = `${user.work}/out`;
    mkdirSync(out);
    mountSmall(out, 'size=16m,nr_inodes=20');
    writeFileSync(`${out}/a.tar`, 'precious');
    const makeRoom = fill(out, 'inodes');
    const full = await user.engineshed(['export', 'hello-1.0.0', 'out/a.tar', '--replace']);
    expect(full).toMatchObject({ status: 74, stdout: '' });
    expect(full.stderr).toContain('No space is left');
    expect(readFileSync(`${out}/a.tar`, 'utf8')).toBe('precious');
    makeRoom();
    expect(readdirSync(out)).toEqual(['a.tar']);
    await user.output(['export', 'hello-1.0.0', 'out/a.tar', '--replace']);
    await newUser().output(['import', `${out}/a.tar`]);
  });

  it('of inodes: the image layout that is published to names only what is there', async () => {
    const user = newUser();
    await publishProduct(user);
    const images = `${user.work}/small`;
    mkdirSync(images);
    mountSmall(images, 'size=16m,nr_inodes=30');
    await user.output(['publish', 'components/engine', 'oci:small:1']);
    const before = readTree(images);
    const makeRoom = fill(images, 'inodes');
    writeFileSync(`${user.work}/components/engine/more`, 'more');
    const full = await user.engineshed(['publish', 'components/engine', 'oci:small:2']);
    expect(full).toMatchObject({ status: 74, stdout: '' });
    expect(full.stderr).toContain('No space is left');
    makeRoom();
    expect(readTree(images)).toEqual(before);
    await user.output(['publish', 'components/engine', 'oci:small:2']);
    await user.output(['install', 'oci:small:2', '--name', 'more']);
  });

  it('of what is kept for an interrupted install: it makes room, and the install succeeds', async () => {
    const user = newUser();
    mkdirSync(user.store);
    // Room for the files of the layer, and not for what arrives of it beside them.
    mountSmall(user.store, 'size=9m');
    const registry = await scripted();
    mkdirSync(`${user.work}/component`);
    const noise = randomBytes(6 << 20);
    writeFileSync(`${user.work}/component/noise`, noise);
    await user.output(['publish', 'component', `${registry.host}/acme/large:1`]);
    const install = ['install', `${registry.host}/acme/large:1`, '--name', 'large'];
    const { status, stderr } = await user.engineshed(install);
    expect(status, stderr).toBe(0);
    expect(await user.json(['show', 'large'])).toMatchObject({ name: 'large' });
    expect(readdirSync(`${user.store}/partial`)).toEqual([]);

    // What an install of another layer has left goes first, too.
    await user.output(['uninstall', 'large', '--force']);
    const left = `${user.store}/partial/sha256-${'0'.repeat(64)}.${'0'.repeat(16)}`;
    writeFileSync(left, Buffer.alloc(4 << 20));
    const again = await user.engineshed(install);
    expect(again.status, again.stderr).toBe(0);
    expect(again.stderr).toContain('the disk is full');
    expect(readdirSync(`${user.store}/partial`)).toEqual([]);
    expectSwept(user);
  });

  it('of the image layout that is published to', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    const images = `${user.work}/small`;
    mkdirSync(images);
    mountSmall(images, 'size=256k');
    const publish = (component: string) =>
      user.engineshed(['publish', `components/${component}`, 'oci:small:1']);
    expect(await publish(components[0])).toMatchObject({ status: 0 });
    const noise = randomBytes(1 << 20);
    writeFileSync(`${user.work}/components/engine/noise`, noise);
    const full = await publish('engine');
    expect(full).toMatchObject({ status: 74, stdout: '' });
    expect(full.stderr).toContain('No space is left');
    expect(readdirSync(images).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    rmSync(`${user.work}/components/engine/noise`);
    expect(await publish('engine')).toMatchObject({ status: 0 });
  });
});

async function expectFull(user: User, command: readonly string[]): Promise<void> {
  const full = await user.engineshed([...command, '--json']);
  expect(full.stdout).toBe('');
  expect(full.status).toBe(74);
  expect(JSON.parse(full.stderr).error).toMatchObject({ code: 'DISK_FULL', kind: 'io' });
  await expectRunning({ user }, 'hello-1.0.0');
  expectSwept(user);
  await user.output(['list']);
}
