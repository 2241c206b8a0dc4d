import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newUser, type User } from '../acceptance/cli.js';
import { peersRequired } from '../support/peers.js';
import { components, publishProduct } from '../support/product.js';
import { scripted } from '../support/registry-client.js';
import { expectRunning, expectSwept } from './situation.js';

const isRoot = process.getuid?.() === 0;

/** A user whose store is on a small file system of its own; `options` are those of tmpfs. */
async function userOnSmallDisk(options: string): Promise<User> {
  const user = newUser();
  mkdirSync(user.store);
  mountSmall(user.store, options);
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  return user;
}

// Mounting needs root. Where peers are required, so is this.
describe.skipIf(!isRoot && !peersRequired)('E02 a full disk', () => {
  it('of bytes: nothing is left of the attempt, the engine runs, and room helps', async () => {
    const user = await userOnSmallDisk('size=2m');
    // Content that does not fit, beside the components that do.
    const noise = randomBytes(3 << 20);
    writeFileSync(`${user.work}/components/engine/noise`, noise);
    await user.output(['publish', 'components/engine', 'oci:images/engine:2.0.0']);
    await expectFull(user, ['install', 'hello-2.0.0', '--use']);
    shell('mount -o remount,size=16m "$0"', user.store);
    await user.output(['install', 'hello-2.0.0', '--use']);
    await expectRunning({ user }, 'hello-2.0.0');
  });

  it('of bytes, to the last one: use and uninstall', async () => {
    const user = await userOnSmallDisk('size=1m');
    await user.output(['install', 'hello-2.0.0']);
    fill(user);
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
    shell('mount -o remount,nr_inodes=1000 "$0"', user.store);
    await user.output(['install', 'hello-2.0.0', '--use']);
    await expectRunning({ user }, 'hello-2.0.0');
    expectSwept(user);
  });

  it('of inodes, to the last one', async () => {
    const user = await userOnSmallDisk('size=16m,nr_inodes=100');
    await user.output(['install', 'hello-2.0.0']);
    mkdirSync(`${user.store}/.filler`);
    expect(() => {
      for (let at = 0; ; at++) writeFileSync(`${user.store}/.filler/${at}`, '');
    }).toThrow('ENOSPC');
    await expectFull(user, ['use', 'hello-2.0.0']);
    rmSync(`${user.store}/.filler`, { recursive: true });
    await user.output(['use', 'hello-2.0.0']);
    await expectRunning({ user }, 'hello-2.0.0');
    expectSwept(user);
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

function fill(user: User): void {
  mkdirSync(`${user.store}/.filler`);
  expect(() => writeFileSync(`${user.store}/.filler/all`, Buffer.alloc(32 << 20))).toThrow('ENOSPC');
}

function mountSmall(directory: string, options: string): void {
  shell('mount -t tmpfs -o "$1" tmpfs "$0"', directory, options);
  onTestFinished(() => shell('umount "$0"', directory));
}

function shell(script: string, ...args: string[]): void {
  execFileSync('sh', ['-c', script, ...args]);
}
