import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishProduct } from '../support/product.js';
import { newUser, run, type User } from './cli.js';

async function prepare(): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  await user.output(['install', 'hello-2.0.0', '--use']);
  return user;
}

const greeting = async (user: User) => {
  const command = '. "$ENGINESHED_HOME/current/env"; "$HELLO_EXECUTOR" Ada';
  return (await run('sh', ['-c', command], { environment: user.environment })).stdout;
};

describe('history', () => {
  it('has a generation for each change, and none for what changes nothing', async () => {
    const user = await prepare();
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['use', 'hello-2.0.0']);
    await user.output(['use', 'hello-1.0.0']);
    const { position, generations } = await user.json(['history']);
    expect(position).toBe(3);
    expect(
      generations.map(({ number, change, active }: Record<string, unknown>) => [number, change, active]),
    ).toEqual([
      [1, 'install hello-1.0.0', 'hello-1.0.0'],
      [2, 'install hello-2.0.0', 'hello-2.0.0'],
      [3, 'use hello-1.0.0', 'hello-1.0.0'],
    ]);
    expect(await user.output(['history'])).toMatch(/^\* +3 .* use hello-1\.0\.0/m);
  });

  it('says that there is none yet', async () => {
    expect(await newUser().output(['history'])).toBe('Nothing was installed yet.\n');
  });
});

describe('rollback', () => {
  it('goes back step by step, and forth again, without the images', async () => {
    const user = await prepare();
    rmSync(`${user.work}/images`, { recursive: true });
    const planned = await user.json(['rollback', '--dry-run']);
    expect(planned).toMatchObject({
      dryRun: true,
      from: 2,
      to: 1,
      active: { from: 'hello-2.0.0', to: 'hello-1.0.0' },
    });
    expect(await user.output(['current'])).toBe('hello-2.0.0\n');
    await user.output(['rollback']);
    expect(await greeting(user)).toBe('Hello, Ada!\n');
    expect((await user.json(['list'])).engines.map(({ name }: { name: string }) => name)).toEqual([
      'hello-1.0.0',
    ]);
    const none = await user.engineshed(['rollback']);
    expect([none.status, none.stderr]).toEqual([66, expect.stringContaining('no earlier generation')]);
    await user.output(['rollback', '--to', '2']);
    expect(await greeting(user)).toBe('Welcome back, Ada!\n');
    expect((await user.json(['history'])).position).toBe(2);
  });

  it('undoes an update of a name that moved', async () => {
    const user = await prepare();
    await user.output(['install', 'oci:images/engine:1.0.0', '--name', 'moving']);
    const { id } = await user.json(['show', 'moving']);
    await user.output(['publish', 'components/engine', 'oci:images/engine:1.0.0']);
    await user.output(['install', 'oci:images/engine:1.0.0', '--name', 'moving']);
    expect((await user.json(['show', 'moving'])).id).not.toBe(id);
    const { engines } = await user.json(['rollback']);
    expect(engines).toEqual([{ name: 'moving', from: expect.any(String), to: id }]);
    expect((await user.json(['show', 'moving'])).id).toBe(id);
  });

  it('numbers a change after a rollback above all others', async () => {
    const user = await prepare();
    await user.output(['rollback']);
    await user.output(['install', 'oci:images/engine:2.0.0', '--name', 'other']);
    const { position, generations } = await user.json(['history']);
    expect([position, generations.length]).toEqual([3, 3]);
    expect(Object.keys(generations[2].engines)).toEqual(['hello-1.0.0', 'other']);
  });

  it('says what an uninstall took from a generation, and changes nothing', async () => {
    const user = await prepare();
    await user.output(['uninstall', 'hello-1.0.0']);
    const refused = await user.engineshed(['rollback', '--to', '1', '--json']);
    expect(refused.status).toBe(66);
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: 'GENERATION_INCOMPLETE',
      message: expect.stringContaining('hello-1.0.0'),
    });
    expect(await greeting(user)).toBe('Welcome back, Ada!\n');
  });

  it('E05 goes on without a history that is damaged or gone', async () => {
    const user = await prepare();
    writeFileSync(`${user.store}/history/1.json`, '{"number":1');
    writeFileSync(`${user.store}/history/position`, 'nowhere');
    await user.output(['use', 'hello-1.0.0']);
    const { position, generations } = await user.json(['history']);
    expect(generations.at(-1)).toMatchObject({ number: position, active: 'hello-1.0.0' });
    rmSync(`${user.store}/history`, { recursive: true });
    expect((await user.json(['history'])).generations).toEqual([]);
    await user.output(['use', 'hello-2.0.0']);
    expect(existsSync(`${user.store}/history/position`)).toBe(true);
  });

  it('refuses what is no number', async () => {
    const user = newUser();
    for (const number of ['0', '-1', '1.5', 'x', '1e3'])
      expect((await user.engineshed(['rollback', `--to=${number}`])).status).toBe(64);
  });
});
