import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planInstall } from '../../src/store/index.js';
import { mark, unmark } from '../../src/store/mark.js';
import { makeSample } from '../store/sample.js';
import { temporaryDirectory } from '../support/temporary.js';
import { call, lockOf, makeStand, type Stand, shells } from './stand.js';

/** Replaces what the command of all engines does. */
function tool(stand: Stand, text: string): void {
  writeFileSync(`${stand.home}/tools/say`, text, { mode: 0o755 });
}

describe('a shim runs the command', () => {
  it.each(shells)('%s %s: with arguments, input and exit status as they are', async (...shell) => {
    const stand = await makeStand();
    await stand.use('first');
    const shim = stand.store.paths.shim('say');
    const words = ['', ' a  b ', "it's", '"', '$HOME', '`x`', 'line\nline\n', '*', '-n', '--', '\\t', 'é'];
    const run = (...args: string[]) =>
      call(stand, [...shell.filter((word) => word !== undefined), shim, ...args]);
    expect(run(...words)).toEqual({
      status: 0,
      stderr: '',
      stdout: [stand.later, "the later's", String(words.length), ...words, ''].join('\n'),
    });
    expect(run('+second', 'x').stdout).toBe(`${stand.second}\nsecond\n1\nx\n`);
    expect(run(`+${stand.earlier}`).stdout).toBe(`${stand.earlier}\nearlier\n0\n`);
    expect(run('++x', '+y').stdout).toBe(`${stand.later}\nthe later's\n2\n+x\n+y\n`);
    expect(run('x', '+second').stdout).toBe(`${stand.later}\nthe later's\n2\nx\n+second\n`);
    tool(stand, '#!/bin/sh\ncat; exit 7\n');
    expect(call(stand, [shim], { input: 'in\0put' })).toEqual({ status: 7, stderr: '', stdout: 'in\0put' });
  });

  it('in its own process, so that signals are its own', async () => {
    const stand = await makeStand();
    await stand.use('first');
    tool(stand, '#!/bin/sh\ntrap "echo told; exit 9" TERM\necho $$\nwhile :; do sleep 0.05; done\n');
    const child = spawn(stand.store.paths.shim('say'), [], { env: stand.environment });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (output === `${child.pid}\n`) child.kill('SIGTERM');
    });
    const [status] = await once(child, 'close');
    expect([status, output]).toEqual([9, `${child.pid}\ntold\n`]);
  });

  it('without any environment, as from cron or an IDE', async () => {
    const stand = await makeStand();
    await stand.use('first');
    for (const shell of shells) {
      const output = execFileSync('env', ['-i', ...shell, stand.store.paths.shim('say')], {
        cwd: '/',
        encoding: 'utf8',
      });
      expect([shell, output]).toEqual([shell, `${stand.later}\nthe later's\n0\n`]);
    }
  });

  it.each(["a b'c", 'line\nbreak', '$(x) "q" \\', '*?['])('in a store whose path has %j', async (name) => {
    const stand = await makeStand(`${temporaryDirectory()}/${name}`, name);
    await stand.use('first');
    const shim = stand.store.paths.shim('say');
    for (const shell of shells) {
      expect(call(stand, [...shell, shim, 'x'])).toMatchObject({
        status: 0,
        stdout: `${stand.later}\nthe later's\n1\nx\n`,
      });
      const bare = execFileSync('env', ['-i', ...shell, shim], { cwd: '/', encoding: 'utf8' });
      expect(bare).toBe(`${stand.later}\nthe later's\n0\n`);
    }
  });

  it('through links to it, wherever they are, and by a relative path', async () => {
    const stand = await makeStand();
    await stand.use('first');
    const shim = stand.store.paths.shim('say');
    mkdirSync(`${stand.home}/elsewhere`);
    symlinkSync(shim, `${stand.home}/elsewhere/other`);
    symlinkSync('other', `${stand.home}/elsewhere/say`);
    const said = `${stand.later}\nthe later's\n0\n`;
    for (const shell of shells) {
      const none = { ENGINESHED_HOME: '' };
      expect(call(stand, [...shell, `${stand.home}/elsewhere/say`], { environment: none }).stdout).toBe(said);
      expect(call(stand, [...shell, 'store/shims/say'], { environment: none }).stdout).toBe(said);
      const inside = { environment: none, directory: stand.store.paths.shims };
      expect(call(stand, [...shell, './say'], inside).stdout).toBe(said);
      expect(call(stand, [...shell, 'say'], inside).stdout).toBe(said);
    }
  });

  it('of the store that was moved, and not of the one that it was made for', async () => {
    const stand = await makeStand();
    await stand.use('second');
    renameSync(stand.store.paths.root, `${stand.home}/moved`);
    const moved = { ENGINESHED_HOME: '' };
    expect(call(stand, [`${stand.home}/moved/shims/say`], { environment: moved }).stdout).toBe(
      `${stand.second}\nsecond\n0\n`,
    );
  });

  it('D06 of the engine, and not itself, where it comes before a program of that name on the PATH', async () => {
    const stand = await makeStand();
    await stand.use('first');
    const environment = { PATH: `${stand.store.paths.shims}:${stand.environment.PATH}` };
    writeFileSync(`${stand.home}/bin/say`, '#!/bin/sh\necho the other one\n', { mode: 0o755 });
    expect(call(stand, ['say'], { environment }).stdout).toBe(`${stand.later}\nthe later's\n0\n`);
    expect(call(stand, ['sh', '-c', 'say'], { environment }).stdout).toContain(stand.later);
    // A command that calls the other program by name meets the shim again.
    tool(stand, '#!/bin/sh\nexec say "$@"\n');
    expect(call(stand, ['say'], { environment })).toMatchObject({ status: 70, stdout: '' });
    expect(call(stand, ['say'], { environment }).stderr).toContain('without an end');
  });

  it('in the same state, where a command calls another one and the selection changes meanwhile', async () => {
    const stand = await makeStand();
    await stand.install(lockOf('first', 'latest', `${stand.home}/tools`, ['say', 'ask']));
    await stand.use('first');
    const environment = { PATH: `${stand.store.paths.shims}:${stand.environment.PATH}` };
    tool(
      stand,
      `#!/bin/sh
case $0 in
*) if [ "$1" = again ]; then echo "$ENGINESHED_ENGINE"; else echo "$ENGINESHED_ENGINE"; rm -f "$ENGINESHED_HOME/current"; ask again; fi ;;
esac
`,
    );
    const [one, other] = call(stand, ['say'], { environment }).stdout.split('\n');
    expect(one).toMatch(/^first@/);
    expect(other).toBe(one);
  });

  it('and notes that the engine is used, without following what somebody put there', async () => {
    const stand = await makeStand();
    await stand.use('first');
    const used = stand.store.paths.engineUsed('first');
    const shim = stand.store.paths.shim('say');
    call(stand, [shim]);
    utimesSync(used, 0, 0);
    call(stand, [shim]);
    expect(statSync(used).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    rmSync(used);
    writeFileSync(`${stand.home}/precious`, 'mine');
    symlinkSync(`${stand.home}/precious`, used);
    for (const shell of shells) expect(call(stand, [...shell, shim]).status).toBe(0);
    expect(readFileSync(`${stand.home}/precious`, 'utf8')).toBe('mine');
    rmSync(used);
    execFileSync('mkfifo', [used]);
    for (const shell of shells) expect(call(stand, [...shell, shim]).status).toBe(0);
  });
});

describe('a shim that cannot run the command', () => {
  it('says which engines have it', async () => {
    const stand = await makeStand();
    await stand.install(lockOf('bare', '', `${stand.home}/tools`, []));
    await stand.install(lockOf('other', '', `${stand.home}/tools`, ['ask']));
    for (const shell of shells) {
      for (const engine of ['bare', 'other']) {
        const run = call(stand, [...shell, stand.store.paths.shim('say')], {
          environment: { ENGINESHED_ENGINE: engine },
        });
        expect(run).toMatchObject({ status: 66, stdout: '' });
        expect(run.stderr).toContain('has no command "say"');
        expect(run.stderr).toContain('These have it: first, second.');
      }
    }
  });

  it('gives all that it was given to engineshed', async () => {
    const stand = await makeStand();
    for (const shell of shells) {
      const shim = [...shell, stand.store.paths.shim('say')];
      expect(call(stand, [...shim, 'a b', '', '+c']).stdout).toBe('handed over\nexec\n--\nsay\na b\n\n+c\n');
      expect(call(stand, [...shim, '+third', '++c']).stdout).toBe('handed over\nexec\n+third\nsay\n++c\n');
    }
  });

  it('says what to do where there is no engineshed', async () => {
    const stand = await makeStand();
    const environment = { PATH: '/usr/bin:/bin' };
    for (const shell of shells) {
      const shim = [...shell, stand.store.paths.shim('say')];
      expect(call(stand, shim, { environment: { ...environment, ENGINESHED_ENGINE: 'third' } })).toEqual({
        status: 66,
        stdout: '',
        stderr:
          'engineshed: The engine third is not installed, and ENGINESHED_ENGINE selects it\n  Install it with: engineshed install third\n',
      });
      expect(call(stand, shim, { environment }).stderr).toContain('No engine is active');
      expect(call(stand, [...shim, '+../x'], { environment })).toMatchObject({ status: 64 });
    }
  });

  it('E04 runs nothing from a source that is known to be damaged', async () => {
    const { store, engine, apply } = await makeSample();
    const lock = { ...(await engine('first')), commands: [{ name: 'say', part: 'base', path: 'bin/say' }] };
    const { engine: installed } = await apply(planInstall(store, lock));
    const shim = store.paths.shim('say');
    const run = (shell: readonly string[]) =>
      spawnSync(shell[0] ?? '', [...shell.slice(1), shim, '+first'], {
        env: { PATH: '/usr/bin:/bin' },
        encoding: 'utf8',
      });
    const directory = installed.sources.extra?.directory ?? '';
    mark(directory);
    for (const shell of shells) expect(run(shell)).toMatchObject({ status: 66, stdout: '' });
    expect(run(['dash']).stderr).toContain('The source extra of the engine first is damaged');
    unmark(directory);
    for (const shell of shells) expect(run(shell)).toMatchObject({ status: 0, stdout: 'base\n' });
  });
});
