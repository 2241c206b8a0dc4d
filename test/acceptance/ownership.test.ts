import { chmodSync, chownSync, existsSync, lchownSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lacks, script } from '../support/bootstrap.js';
import { peersRequired } from '../support/peers.js';
import { publishProduct } from '../support/product.js';
import { newUser, program, type Run, run, type User } from './cli.js';

/** Another user can be acted by root only; where peers are required, so is this. */
const cannotAct = process.getuid?.() !== 0 && !peersRequired;
const ada = 65534;

/** Lets everything below a directory, itself too, belong to a user. */
async function give(directory: string, user: number): Promise<void> {
  const given = await run('chown', ['-R', `${user}:${user}`, directory]);
  expect(given.status, given.stderr).toBe(0);
}

/** A home of Ada's in which root installed an engine, as `sudo` does that keeps HOME; the store is where it is by default. */
async function homeWithEngineOfRoot(): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  await give(user.home, ada);
  const { HOME, PATH } = user.environment;
  const environment = { HOME, PATH, CI: '1', ENGINESHED_HOME: '' } as Record<string, string>;
  const home = { ...user, store: `${user.home}/.local/share/engineshed`, environment };
  expect((await asRoot(home, ['install', 'hello-1.0.0'])).status).toBe(0);
  return home;
}

const asRoot = (user: User, args: readonly string[], environment = {}) =>
  run(process.execPath, [program, ...args], {
    directory: user.work,
    environment: { ...user.environment, ...environment },
  });

const asAda = ({ work, environment }: User, args: readonly string[]): Promise<Run> =>
  run('setpriv', [`--reuid=${ada}`, `--regid=${ada}`, '--clear-groups', process.execPath, program, ...args], {
    directory: work,
    environment,
  });

describe.skipIf(cannotAct)('a store that root worked on', () => {
  it('tells its user whose it is and how to take it back, which works', async () => {
    const user = await homeWithEngineOfRoot();
    const refused = await asAda(user, ['install', 'hello-2.0.0']);
    expect(refused.status).toBe(77);
    expect(refused.stderr).toContain(`${user.store}/locks belongs to root. A command that was run with sudo`);
    const [, command = ''] = /Take it back: sudo (chown .*)/.exec(refused.stderr) ?? [];
    expect(command).toBe(`chown -R "$(id -u):$(id -g)" '${user.home}/.local'`);
    const { checks } = JSON.parse((await asAda(user, ['doctor', '--json'])).stdout);
    expect(checks.flatMap(({ findings }: { findings: object[] }) => findings)).toContainEqual({
      severity: 'warning',
      issue: 'Not all can be installed, updated, chosen or freed',
      cause: `${user.store} belongs to root`,
      remedy: `A command that was run with sudo does that. Take it back: sudo ${command}`,
    });
    const ids = `id() { echo ${ada}; }`;
    expect((await run('sh', ['-c', `${ids}; ${command}`])).status).toBe(0);
    for (const args of [
      ['install', 'hello-2.0.0', '--use'],
      ['uninstall', 'hello-1.0.0'],
      ['gc', '--keep', '1'],
    ])
      expect(await asAda(user, args)).toMatchObject({ status: 0 });
  });

  it('of one layer only: what cannot be changed is named', async () => {
    const user = await homeWithEngineOfRoot();
    await give(`${user.home}/.local`, ada);
    const layers = `${user.store}/layers/sha256`;
    const [layer] = readdirSync(layers).map((hex) => `${layers}/${hex}`) as [string];
    chownSync(layer, 0, 0);
    const doctor = await asAda(user, ['doctor']);
    expect(doctor.stdout).toContain(`${layer} belongs to root`);
    expect(doctor.stdout).toContain(`sudo chown -R "$(id -u):$(id -g)" '${user.store}'`);
  });

  it("that is nobody's own place: nobody is told to take it", async () => {
    const user = await homeWithEngineOfRoot();
    await give(user.home, 0);
    chmodSync(user.home, 0o755);
    const refused = await asAda(user, ['use', 'hello-1.0.0']);
    expect(refused.status).toBe(77);
    expect(refused.stderr).toContain(
      `${user.store}/locks belongs to root. Run as the user to whom it belongs`,
    );
    expect(refused.stderr).not.toContain('chown');
  });

  it('with sudo is not changed, but read; without sudo it is, as containers need', async () => {
    const user = await homeWithEngineOfRoot();
    await give(`${user.home}/.local`, ada);
    const sudo = { SUDO_UID: String(ada), SUDO_USER: 'ada' };
    for (const args of [
      ['install', 'hello-2.0.0'],
      ['use', 'hello-1.0.0'],
      ['gc'],
      ['uninstall', 'hello-1.0.0'],
    ]) {
      const refused = await asRoot(user, args, sudo);
      expect(refused.status, args[0]).toBe(77);
      expect(refused.stderr).toContain(
        `The store ${user.store} is for ada, who could not change what root makes`,
      );
    }
    for (const args of [['list'], ['verify'], ['env'], ['gc', '--dry-run']])
      expect(await asRoot(user, args, sudo)).toMatchObject({ status: 0 });
    const own = `${user.home}/of-root`;
    expect((await asRoot(user, ['install', 'hello-1.0.0'], { ...sudo, ENGINESHED_HOME: own })).status).toBe(
      77,
    );
    await give(user.home, 0);
    lchownSync(user.home, 0, 0);
    expect((await asRoot(user, ['install', 'hello-1.0.0'], { ...sudo, ENGINESHED_HOME: own })).status).toBe(
      0,
    );
    expect(statSync(own).uid).toBe(0);
    await give(user.store, ada);
    expect((await asRoot(user, ['install', 'hello-2.0.0'])).status).toBe(0);
  });

  it.skipIf(lacks('curl'))('with sudo is refused by engineshed.sh before it makes anything', async () => {
    const user = newUser();
    await give(user.home, ada);
    const environment = { ...user.environment, SUDO_UID: String(ada), SUDO_USER: 'ada' };
    const refused = await run('sh', [script, '127.0.0.1:1/acme/engine:1'], { environment });
    expect(refused.status).toBe(77);
    expect(refused.stderr).toContain(`The store ${user.store} is for another user`);
    expect(existsSync(user.store)).toBe(false);
  });
});
