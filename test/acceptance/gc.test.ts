import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishProduct } from '../support/product.js';
import { readTree } from '../support/tree.js';
import { newUser, run, type User } from './cli.js';

async function prepare(): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  return user;
}

/** Lets a name stand for one image and then another, so that its first state is an old one. */
async function moveAName(user: User): Promise<{ first: string; second: string }> {
  await user.output(['publish', 'components/engine', 'oci:images/moving:edge']);
  const first = await user.json(['install', 'oci:images/moving:edge', '--name', 'moving']);
  writeFileSync(`${user.work}/components/engine/more.txt`, 'x'.repeat(5000));
  await user.output(['publish', 'components/engine', 'oci:images/moving:edge']);
  const second = await user.json(['install', 'oci:images/moving:edge', '--name', 'moving']);
  return { first: first.id, second: second.id };
}

describe('gc', () => {
  it('says what it would remove, and then removes just that', async () => {
    const user = await prepare();
    const { first } = await moveAName(user);
    const before = readTree(user.store);
    const planned = await user.json(['gc', '--keep', '1', '--dry-run']);
    expect(planned).toMatchObject({
      dryRun: true,
      engines: [],
      generations: [1, 2],
      states: [{ name: 'moving', id: first }],
    });
    expect(readTree(user.store)).toEqual(before);
    const done = await user.json(['gc', '--keep', '1']);
    expect(done).toEqual({ ...planned, dryRun: undefined });
    expect(existsSync(`${user.store}/engines/moving/${first}`)).toBe(false);
    for (const { diffId } of done.layers)
      expect(existsSync(`${user.store}/layers/sha256/${diffId.slice(7)}`)).toBe(false);
    expect((await user.json(['gc', '--keep', '1'])).freedBytes).toBe(0);
    expect((await user.json(['history'])).generations).toHaveLength(1);
  });

  it('keeps what can be gone back to', async () => {
    const user = await prepare();
    const { first } = await moveAName(user);
    expect(await user.json(['gc'])).toMatchObject({ generations: [], states: [], layers: [], freedBytes: 0 });
    await user.output(['rollback']);
    // Now the later state is what only the history leads to.
    expect((await user.json(['gc', '--keep', '2'])).states).toEqual([]);
    expect((await user.json(['show', 'moving'])).id).toBe(first);
    await user.output(['rollback', '--to', '3']);
  });

  it('keeps the generation that the store is at, however old', async () => {
    const user = await prepare();
    await moveAName(user);
    await user.output(['rollback', '--to', '1']);
    await user.output(['gc', '--keep', '1']);
    const { position, generations } = await user.json(['history']);
    expect([position, generations.map(({ number }: { number: number }) => number)]).toEqual([1, [1, 3]]);
  });

  it('leaves the engines that are installed whole', async () => {
    const user = await prepare();
    await moveAName(user);
    const engines = await user.json(['list']);
    await user.output(['gc', '--keep', '1']);
    expect(await user.json(['list'])).toEqual(engines);
    expect(await user.output(['exec', 'hello-1.0.0', '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada'])).toBe(
      'Hello, Ada!\n',
    );
  });

  it('uninstalls what was not used for long, but the active engine', async () => {
    const user = await prepare();
    await moveAName(user);
    await user.output(['install', 'hello-2.0.0']);
    const longAgo = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    for (const name of ['hello-1.0.0', 'hello-2.0.0', 'moving']) {
      const state = `${user.store}/engines/${name}/${(await user.json(['show', name])).id}/engine.json`;
      execFileSync('sed', ['-i', `s/"installed": .*/"installed": "${longAgo.toISOString()}",/`, state]);
    }
    await user.output(['env', 'moving']);
    const kept = await user.json(['gc', '--unused-for', '60d']);
    expect(kept.engines).toEqual([]);
    const planned = await user.json(['gc', '--unused-for', '30d', '--dry-run']);
    const done = await user.json(['gc', '--unused-for', '30d']);
    expect(done.engines.map(({ name }: { name: string }) => name)).toEqual(['hello-2.0.0']);
    expect(done.freedBytes).toBe(planned.freedBytes);
    utimesSync(`${user.store}/engines/moving/used`, longAgo, longAgo);
    expect((await user.json(['gc', '--unused-for', '4w'])).engines).toHaveLength(1);
    expect((await user.json(['list'])).engines.map(({ name }: { name: string }) => name)).toEqual([
      'hello-1.0.0',
    ]);
  });

  it('E05 uninstalls nothing where a record cannot be read', async () => {
    const user = await prepare();
    await user.output(['install', 'hello-2.0.0']);
    const { id } = await user.json(['install', 'oci:images/engine:1.0.0', '--name', 'unreadable']);
    writeFileSync(`${user.store}/engines/unreadable/${id}/engine.json`, '{');
    const before = readTree(user.store);
    const refused = await user.engineshed(['gc', '--unused-for', '0h']);
    expect(refused).toMatchObject({ status: 65, stdout: '' });
    expect(refused.stderr).toContain('unreadable');
    expect(readTree(user.store)).toEqual(before);
  });

  it('frees what interrupted downloads left', async () => {
    const user = await prepare();
    mkdirSync(`${user.store}/partial`, { recursive: true });
    writeFileSync(`${user.store}/partial/sha256-${'a'.repeat(64)}.${'b'.repeat(16)}`, 'x'.repeat(1000));
    expect(await user.json(['gc', '--dry-run'])).toMatchObject({ partialBytes: 1000, freedBytes: 1000 });
    await user.output(['gc']);
    expect(readdirSync(`${user.store}/partial`)).toEqual([]);
  });

  it('E07 does not follow a link in the place of the mark of use', async () => {
    const user = await prepare();
    const victim = `${user.work}/victim`;
    writeFileSync(victim, 'mine');
    const longAgo = new Date(0);
    utimesSync(victim, longAgo, longAgo);
    symlinkSync(victim, `${user.store}/engines/hello-1.0.0/used`);
    await user.output(['env']);
    expect(lstatSync(victim).mtimeMs).toBe(0);
  });

  it('E03 waits for an install under way', async () => {
    const user = await prepare();
    const installs = ['hello-2.0.0', 'hello-1.0.0'].map((name) => user.output(['install', name]));
    await Promise.all([user.output(['gc', '--keep', '1']), ...installs, user.output(['gc', '--keep', '1'])]);
    for (const name of ['hello-1.0.0', 'hello-2.0.0'])
      expect(
        (
          await run('sh', ['-c', '. "$ENGINESHED_HOME/engines/$0/active/env"; "$HELLO_EXECUTOR" Ada', name], {
            environment: user.environment,
          })
        ).status,
      ).toBe(0);
  });

  it('refuses what is no number and no time', async () => {
    const user = newUser();
    for (const flag of ['--keep=0', '--keep=x', '--unused-for=30', '--unused-for=-1d', '--unused-for=1y'])
      expect((await user.engineshed(['gc', flag])).status).toBe(64);
  });
});
