import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newUser, program, run, type User } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';
import { publishProduct } from '../support/product.js';
import { readTree } from '../support/tree.js';
import { cannotMount, mountSmall, remount } from './mounts.js';
import { expectRunning } from './situation.js';

const first = 'hello-1.0.0';

/** What needs no change of a store. */
const reading = [
  ['list'],
  ['current'],
  ['env'],
  ['show'],
  ['which', 'engine'],
  ['install', first],
  ['install', 'hello-2.0.0', '--dry-run'],
  ['exec', first, '--', 'true'],
  ['verify'],
];
const changing = [
  ['use', first],
  ['install', 'hello-2.0.0'],
  ['uninstall', first, '--force'],
];

async function userWithEngine(): Promise<User> {
  const user = newUser();
  await publishProduct(user);
  await user.output(['install', first]);
  return user;
}

/** Runs a shell script in which `engineshed` is the built program. */
function script(user: User, text: string) {
  const script = `engineshed() { "$NODE" "$PROGRAM" "$@"; }; ${text}`;
  const environment = { ...user.environment, NODE: process.execPath, PROGRAM: program };
  return run('bash', ['-c', script], { environment, directory: user.work });
}

describe('E08 where and how a store stands', () => {
  it('under any umask it is the same, and only its owner writes to it', async () => {
    const user = newUser();
    await publishProduct(user);
    const trees = [];
    for (const umask of ['000', '022', '077']) {
      const made = await script(
        user,
        `umask ${umask}; engineshed install ${first} && engineshed use ${first}`,
      );
      expect(made.status, made.stderr).toBe(0);
      await expectRunning({ user }, first);
      const writable = `find ${user.store} ! -type l -perm /022`;
      expect(execFileSync('sh', ['-c', writable], { encoding: 'utf8' })).toBe('');
      trees.push(readTree(`${user.store}/layers`));
      expect((await script(user, `engineshed uninstall ${first} --force`)).status).toBe(0);
    }
    const files = trees.map((tree) => Object.keys(tree));
    expect(files[1]).toEqual(files[0]);
    expect(files[2]).toEqual(files[0]);
  });

  it('behind a link, and with blanks and quotes in its path', async () => {
    const user = newUser();
    await publishProduct(user);
    const odd = `${user.home}/it's a "store" $(x) \\`;
    mkdirSync(odd);
    symlinkSync(odd, `${user.home}/link`);
    for (const ENGINESHED_HOME of [odd, `${user.home}/link`]) {
      await user.output(['install', first], { environment: { ENGINESHED_HOME } });
      const environment = { ...user.environment, ENGINESHED_HOME };
      const ran = await run('sh', ['-c', '. "$ENGINESHED_HOME/current/env"; "$HELLO_EXECUTOR" Ada'], {
        environment,
      });
      expect(ran).toMatchObject({ stdout: 'Hello, Ada!\n', status: 0 });
    }
    expect(await user.json(['install', first], { environment: { ENGINESHED_HOME: odd } })).toMatchObject({
      upToDate: true,
    });
  });

  it.skipIf(peersMissing('setpriv') || process.getuid?.() !== 0)(
    'read-only: reading works, changing is refused',
    async () => {
      const user = await userWithEngine();
      execFileSync('chmod', ['-R', 'a-w,a+rX', user.home]);
      chmodSync(user.home, 0o755);
      const before = readTree(user.store);
      const as = (args: string[]) =>
        run('setpriv', ['--reuid=65534', '--clear-groups', process.execPath, program, ...args], {
          environment: user.environment,
          directory: user.work,
        });
      for (const args of reading)
        expect(await as(args), args.join(' ')).toMatchObject({
          status: 0,
          stderr: expect.not.stringContaining('engineshed:'),
        });
      for (const args of changing) {
        const refused = await as(args);
        expect(refused, args.join(' ')).toMatchObject({ status: 77, stdout: '' });
      }
      expect(readTree(user.store)).toEqual(before);
      execFileSync('chmod', ['-R', 'u+w', user.home]);
    },
  );

  it.skipIf(cannotMount)('on a file system that is mounted to be read only: reading works', async () => {
    const user = newUser();
    mkdirSync(user.store);
    mountSmall(user.store, 'size=16m');
    await publishProduct(user);
    await user.output(['install', first]);
    const before = readTree(user.store);
    remount(user.store, 'ro');
    for (const args of reading)
      expect(await user.engineshed(args), args.join(' ')).toMatchObject({ status: 0 });
    await expectRunning({ user }, first);
    for (const args of [...changing, ['gc'], ['verify', '--repair']]) {
      const refused = await user.engineshed(args);
      expect(refused, args.join(' ')).toMatchObject({ status: 77, stdout: '' });
      expect(refused.stderr, args.join(' ')).toContain('EROFS');
    }
    expect(readTree(user.store)).toEqual(before);
    remount(user.store, 'rw');
    await user.output(['install', 'hello-2.0.0', '--use']);
  });

  it.skipIf(cannotMount)('on another file system than the temporary directory', async () => {
    const user = newUser();
    const TMPDIR = `${user.home}/tmp`;
    for (const directory of [user.store, TMPDIR]) {
      mkdirSync(directory);
      mountSmall(directory, 'size=16m');
    }
    await publishProduct(user);
    const options = { environment: { TMPDIR } };
    await user.output(['install', first], options);
    await user.output(['export', first, 'engine.tar'], options);
    await user.output(['uninstall', first, '--force'], options);
    await user.output(['import', 'engine.tar', '--use'], options);
    await expectRunning({ user }, first);
    await user.output(['verify'], options);
    await user.output(['gc'], options);
    expect(readdirSync(TMPDIR)).toEqual([]);
  });

  it.skipIf(peersMissing('setpriv') || process.getuid?.() !== 0)(
    'of a user who is not root, as whom modes count',
    async () => {
      const user = newUser();
      await publishProduct(user);
      execFileSync('chown', ['-R', '65534:65534', user.home]);
      const as = (args: string[]) =>
        run(
          'setpriv',
          ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, program, ...args],
          {
            environment: user.environment,
            directory: user.work,
          },
        );
      // The last one under another name, so that a tree is made and removed too.
      for (const args of [
        ['install', first],
        ['install', 'hello-2.0.0', '--use'],
        ['install', 'oci:images/engine:1.0.0', '--name', 'x'],
        ['uninstall', first],
        ['uninstall', 'x'],
        ['uninstall', 'hello-2.0.0', '--force'],
      ])
        expect(await as(args), args.join(' ')).toMatchObject({ status: 0 });
      expect(Object.keys(readTree(`${user.store}/layers`))).toEqual(['sha256']);
    },
  );
});

describe('streams that end', () => {
  it('a reader may stop reading', async () => {
    const user = await userWithEngine();
    const { stdout, stderr } = await script(user, 'set -o pipefail; engineshed list | true; echo $?');
    expect(stdout + stderr).toBe('0\n');
  });

  it('whoever closes the error stream still gets the engine', async () => {
    const user = newUser();
    await publishProduct(user);
    const child = spawn(process.execPath, [program, 'install', first], {
      cwd: user.work,
      env: user.environment,
    });
    child.stderr.destroy();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    await expectRunning({ user }, first);
  });

  it.skipIf(!existsSync('/dev/full'))('a result that could not be written is a failure', async () => {
    const user = await userWithEngine();
    const { status, stderr } = await script(user, 'engineshed current > /dev/full');
    expect(status).toBe(74);
    expect(stderr).toContain('ENOSPC');
    expect(stderr).not.toContain('    at ');
  });

  it('with --json there is one document and nothing else, for faults of the command line too', async () => {
    const user = await userWithEngine();
    for (const args of [
      ['list', '--jsonx'],
      ['nothing'],
      ['current', 'extra'],
      ['install', 'a/b:.x'],
      ['use', '-x'],
    ]) {
      const failed = await user.engineshed([...args, '--json']);
      expect(failed, args.join(' ')).toMatchObject({ status: 64, stdout: '' });
      expect(JSON.parse(failed.stderr)).toMatchObject({ error: { kind: 'usage' } });
    }
  });
});

describe('a command that needs little', () => {
  it('runs in a directory that is gone', async () => {
    const user = await userWithEngine();
    mkdirSync(`${user.work}/gone`);
    const gone = await script(user, 'cd gone; rmdir ../gone; engineshed current; engineshed install x');
    expect(gone).toMatchObject({ status: 66, stdout: `${first}\n` });
    expect(gone.stderr).not.toContain('    at ');
  });
});

describe('exec', () => {
  it('tells what cannot be run, and passes arguments on as they are', async () => {
    const user = await userWithEngine();
    writeFileSync(`${user.work}/plain`, 'echo "$1"\n');
    writeFileSync(`${user.work}/broken`, '#!/nowhere/sh\n', { mode: 0o755 });
    const exec = (...command: string[]) => user.engineshed(['exec', first, '--', ...command]);
    expect(await exec('')).toMatchObject({ status: 66 });
    expect(await exec('./missing')).toMatchObject({
      status: 66,
      stderr: expect.stringContaining('./missing'),
    });
    expect(await exec('./plain')).toMatchObject({ status: 77, stderr: expect.stringContaining('./plain') });
    expect(await exec('./broken')).toMatchObject({
      status: 66,
      stderr: expect.stringContaining('interpreter'),
    });
    chmodSync(`${user.work}/plain`, 0o755);
    expect(await exec('./plain', 'runs without a first line')).toMatchObject({
      stdout: 'runs without a first line\n',
    });
    const args = ['--json', '--', '', "'", '"', ' ', '$(x)', '-', 'a\nb', '--help'];
    expect((await exec('printf', '<%s>', ...args)).stdout).toBe(args.map((arg) => `<${arg}>`).join(''));
  });

  it('ends as the command ends, and gives it the signals that it gets', async () => {
    const user = await userWithEngine();
    expect((await user.engineshed(['exec', first, '--', 'sh', '-c', 'kill -TERM $$'])).status).toBe(143);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const waits = `trap 'echo got; exit 7' ${signal.slice(3)}; echo ready; for i in $(seq 200); do sleep 0.05; done`;
      const child = spawn(process.execPath, [program, 'exec', first, '--', 'sh', '-c', waits], {
        env: user.environment,
      });
      let output = '';
      child.stdout.on('data', (text) => {
        output += text;
        if (output === 'ready\n') child.kill(signal);
      });
      expect(await new Promise((resolve) => child.on('close', resolve)), signal).toBe(7);
      expect(output).toBe('ready\ngot\n');
    }
  });

  it.skipIf(peersMissing('python3'))('leaves what a terminal tells both to the terminal', async () => {
    const user = await userWithEngine();
    const counts = `trap 'echo interrupted' INT; echo ready; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done; exit 7`;
    // Python makes a terminal, waits for the command, and presses Ctrl-C once.
    const terminal = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b""
pressed = False
while True:
    try: piece = os.read(fd, 1000)
    except OSError: break
    if not piece: break
    seen += piece
    if b"ready" in seen and not pressed:
        pressed = True
        os.write(fd, b"\\x03")
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
    const command = [process.execPath, program, 'exec', first, '--', 'sh', '-c', counts];
    const ran = await run('python3', ['-c', terminal, ...command], { environment: user.environment });
    expect(ran.status, ran.stdout + ran.stderr).toBe(7);
    expect(ran.stdout.match(/interrupted/g)).toHaveLength(1);
  });
});
