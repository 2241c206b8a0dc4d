import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishProduct } from '../support/product.js';
import { newUser, program, type Run, run, type User } from './cli.js';

/** A user with the product, none of it installed, whose working directory pins an engine where one is given. */
async function prepare(pin?: string): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  const file = `${user.work}/engineshed.toml`;
  if (pin !== undefined) writeFileSync(file, `engine = "${pin}"\n${readFileSync(file, 'utf8')}`);
  return user;
}

/** Runs a shim as a shell would, with engineshed on the PATH. */
function shim(user: User, args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  mkdirSync(`${user.home}/bin`, { recursive: true });
  writeFileSync(`${user.home}/bin/engineshed`, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(`${user.home}/bin/engineshed`, 0o755);
  const PATH = `${user.environment.PATH}:${user.home}/bin`;
  return run(`${user.store}/shims/hello`, args, {
    directory: user.work,
    environment: { ...user.environment, PATH, ...environment },
  });
}

const allowed = { ENGINESHED_INSTALL_MISSING: '1' };

describe('an engine that is needed and not installed', () => {
  it('is installed where that is allowed, and the output is that of the command', async () => {
    const user = await prepare('hello-1.0.0');
    const first = await user.engineshed(['exec', '--', 'hello', 'Ada'], { environment: allowed });
    expect(first).toMatchObject({ status: 0, stdout: 'Hello, Ada!\n' });
    expect(first.stderr).toContain('hello-1.0.0 is not installed yet, and is being installed');
    expect(await user.engineshed(['exec', '--', 'hello', 'Ada'])).toEqual({ ...first, stderr: '' });
    expect((await user.engineshed(['env', 'hello-2.0.0'], { environment: allowed })).stdout).toContain(
      'HELLO_EXECUTOR',
    );
  });

  it('is not told to be installed where there is none: no such name, no such image', async () => {
    const user = await prepare();
    for (const name of ['nosuch', 'hello-9.9.9']) {
      const { status, stderr } = await user.engineshed(['exec', name, '--', 'hello'], {
        environment: allowed,
      });
      expect(status, name).toBe(66);
      expect(stderr, name).not.toContain('being installed');
    }
  });

  it('is installed for a shim too', async () => {
    const user = await prepare();
    await user.output(['install', 'hello-1.0.0']);
    const second = await shim(user, ['+hello-2.0.0', '--json'], allowed);
    expect(second).toMatchObject({ status: 0, stdout: 'Welcome back, --json!\n' });
    expect(await shim(user, ['+hello-2.0.0', 'Ada'])).toEqual({
      ...second,
      stdout: 'Welcome back, Ada!\n',
      stderr: '',
    });
    expect((await shim(user, ['Ada'])).stdout).toBe('Hello, Ada!\n');
  });

  it('is told in CI, with the command to give; the settings decide before CI does', async () => {
    const user = await prepare('hello-1.0.0');
    const told = await user.engineshed(['exec', '--', 'hello']);
    expect(told).toMatchObject({ status: 66, stdout: '' });
    expect(told.stderr).toMatch(
      /hello-1\.0\.0 is selected because .*engineshed\.toml pins it\n {2}Install it with: engineshed install\n/,
    );
    const variable = await user.engineshed(['which', 'engine'], {
      environment: { ...allowed, ENGINESHED_ENGINE: 'hello-2.0.0' },
    });
    expect(variable.status).toBe(66);
    expect(variable.stderr).toContain('hello-2.0.0 is selected because ENGINESHED_ENGINE is set');
    mkdirSync(`${user.home}/.config/engineshed`, { recursive: true });
    const own = `${user.home}/.config/engineshed/engineshed.toml`;
    writeFileSync(own, 'install-missing = false\n');
    expect((await user.engineshed(['exec', '--', 'hello'], { environment: { CI: '' } })).status).toBe(66);
    writeFileSync(own, 'install-missing = true\n');
    const off = { ENGINESHED_INSTALL_MISSING: '0' };
    expect((await user.engineshed(['exec', '--', 'hello'], { environment: off })).status).toBe(66);
    expect((await user.engineshed(['exec', '--', 'hello'])).status).toBe(0);
    writeFileSync(`${user.work}/engineshed.toml`, 'install-missing = true\n');
    const project = await user.engineshed(['install', 'train']);
    expect(project).toMatchObject({ status: 78 });
    expect(project.stderr).toContain('install-missing: is for the user to decide');
  });
});

describe('the selected engine', () => {
  it('is explained: every candidate, and why it counts or not', async () => {
    const user = await prepare('hello-1.0.0');
    const { id } = await user.json(['install', 'hello-2.0.0']);
    await user.output(['install', 'hello-1.0.0']);
    const explain = (environment = {}) => user.json(['current', '--explain'], { environment });
    const pinned = await explain();
    expect(pinned.selected).toMatchObject({ name: 'hello-1.0.0', installed: true, selectedBy: 'project' });
    expect(
      pinned.candidates.map((one: Record<string, unknown>) => [one.selectedBy, one.engine, one.verdict]),
    ).toEqual([
      ['environment', null, 'silent'],
      ['environment', null, 'silent'],
      ['project', 'hello-1.0.0', 'selected'],
      ['current', 'hello-2.0.0', 'overruled'],
      ['user', null, 'silent'],
      ['catalog', 'train', 'overruled'],
    ]);
    expect(await explain({ ENGINESHED_ENGINE: `hello-2.0.0@${id}` })).toMatchObject({
      selected: { name: 'hello-2.0.0', id, selectedBy: 'environment', place: 'ENGINESHED_ENGINE' },
    });
    const text = await user.output(['current', '--explain'], { environment: { HAMLET_ENGINE: 'nobody' } });
    expect(text).toMatch(/^\* +nobody +HAMLET_ENGINE +selected, and not installed$/m);
    expect(text).toMatch(/^ +hello-2\.0\.0 +engineshed use +overruled by HAMLET_ENGINE$/m);
    const faulty = await user.engineshed(['current', '--explain'], {
      environment: { ENGINESHED_ENGINE: '..' },
    });
    expect(faulty).toMatchObject({ status: 64 });
    expect(faulty.stdout).toMatch(/ENGINESHED_ENGINE +counts, and cannot be read/);
    const none = await newUser().json(['current', '--explain']);
    expect(none).toMatchObject({ selected: null });
    expect(none.candidates.at(-1)).toMatchObject({ engine: 'train', verdict: 'notInstalled' });
  });

  it('is meant by commands that name none, and one state of it by NAME@ID', async () => {
    const user = await prepare('hello-1.0.0');
    const { id } = await user.json(['install', 'hello-2.0.0']);
    await user.output(['install', 'hello-1.0.0']);
    expect(await user.output(['current'])).toBe('hello-1.0.0\n');
    const say = ['sh', '-c', 'echo "$ENGINESHED_ENGINE"'];
    expect(await user.output(['exec', '--', ...say])).toMatch(/^hello-1\.0\.0@[0-9a-f]{16}\n$/);
    expect(await user.output(['exec', '+hello-2.0.0', ...say])).toBe(`hello-2.0.0@${id}\n`);
    expect(await user.output(['exec', `hello-2.0.0@${id}`, '--', ...say])).toBe(`hello-2.0.0@${id}\n`);
    expect(await user.output(['exec', '+hello-2.0.0', 'hello', '--json', '--'])).toBe(
      'Welcome back, --json!\n',
    );
    expect(await user.output(['env', `hello-2.0.0@${id}`])).toBe(await user.output(['env', 'hello-2.0.0']));
    const path = await user.output(['which', 'engine', '--engine', `hello-2.0.0@${id}`]);
    expect(path).toBe(await user.output(['which', 'engine', '--engine', 'hello-2.0.0']));
    const gone = await user.engineshed(['exec', '+hello-2.0.0@0123456789abcdef', 'true'], {
      environment: allowed,
    });
    expect(gone).toMatchObject({ status: 66, stdout: '' });
    const used = await user.engineshed(['use', 'hello-2.0.0']);
    expect(used.stderr).toContain('in this directory hello-1.0.0 stays selected');
    for (const words of [['exec'], ['exec', '--'], ['exec', 'hello-1.0.0'], ['exec', '+hello-1.0.0', '--']]) {
      const run = await user.engineshed(words);
      expect([words, run.status]).toEqual([words, 64]);
      expect(run.stderr).toContain('Write: engineshed exec ENGINE -- COMMAND');
    }
  });
});
