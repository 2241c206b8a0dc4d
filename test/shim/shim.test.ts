import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lockId, parseLock } from '../../src/engine/index.js';
import { applyInstall, gc, planInstall, rollback, uninstall, verify } from '../../src/store/index.js';
import { mark, unmark } from '../../src/store/mark.js';
import { makeSample } from '../store/sample.js';
import { admitted } from '../support/admission.js';
import { temporaryDirectory } from '../support/temporary.js';
import { lockOf, makeStand, type Stand, shells } from './stand.js';

/** Calls a file and gives all that it said. */
function call(
  stand: Stand,
  words: readonly string[],
  {
    input = '',
    environment = {},
    directory = stand.home,
  }: { input?: string; environment?: object; directory?: string } = {},
) {
  const [file = '', ...args] = words;
  const { status, stdout, stderr } = spawnSync(file, args, {
    cwd: directory,
    env: { ...stand.environment, ...environment } as Record<string, string>,
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

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

describe('the commands of an engine', () => {
  it('count in its id only where there are some', () => {
    const lock = lockOf('first', '', '/tools', []);
    const ids = [lock, lockOf('first', '', '/tools', ['a']), lockOf('first', '', '/tools', ['b'])].map(
      lockId,
    );
    expect(new Set(ids).size).toBe(3);
    // As it was before there were commands.
    expect(lockId(lock)).toBe('f29c3abf11f04fb2');
  });

  it.each([
    ['missing', 'bin/none', 'PATH_NOT_FOUND'],
    ['a directory', 'bin', 'PATH_NOT_FOUND'],
    ['outside', 'bin/out', 'LAYER_UNSAFE'],
    ['not executable', 'bin/text', 'PATH_NOT_FOUND'],
  ])('are refused where the file is %s', async (_, path, code) => {
    const home = temporaryDirectory();
    const stand = await makeStand(home);
    mkdirSync(`${home}/other/bin`, { recursive: true });
    symlinkSync('/bin/sh', `${home}/other/bin/out`);
    writeFileSync(`${home}/other/bin/text`, '');
    const lock = lockOf('third', '', `${home}/other`, []);
    const asked = { ...lock, commands: [{ name: 'ask', part: 'tools', path }] };
    await expect(stand.install(asked)).rejects.toMatchObject({ code });
    expect(existsSync(`${stand.store.paths.engineActive('third')}`)).toBe(false);
  });

  it('are those of the platform', async () => {
    const stand = await makeStand();
    const { store, home } = stand;
    const lock = lockOf('third', '', `${home}/tools`, []);
    const commands = [
      { name: 'here', part: 'tools', path: { linux: 'say', win32: 'say.bat' } },
      { name: 'there', part: 'tools', path: { win32: 'say.bat' } },
    ];
    const asked = { ...lock, commands };
    const { engine } = await applyInstall(store, planInstall(store, asked), {
      content: () => {
        throw new Error('nothing is fetched');
      },
      remembered: new Map(),
      admission: await admitted(asked),
      platform: 'linux',
    });
    expect(engine.commands).toEqual([
      { name: 'here', part: 'tools', path: 'say', file: `${home}/tools/say` },
    ]);
    expect(readdirSync(store.paths.shims).sort()).toEqual(['here', 'say']);
    expect((await verify(store, { mode: 'full', platform: 'linux' })).faults).toEqual([]);
    rmSync(`${store.paths.engineActive('third')}/bin/here`);
    writeFileSync(`${store.paths.engineActive('first')}/.commands`, 'engineshed_file=/bin/sh\n');
    const { faults } = await verify(store, { mode: 'full', platform: 'linux' });
    expect(faults.map(({ path, fault }) => [path.replace(/@?[0-9a-f]{16}/, 'ID'), fault]).sort()).toEqual([
      ['engines/first/ID/.commands', 'content'],
      ['engines/third/ID/bin/here', 'missing'],
    ]);
  });

  it.each(['sudo', 'SSH', 'git', 'engineshed', '-x', '..', 'a/b', 'a b', ''])(
    'D05 an engine from elsewhere may not have "%s"',
    (name) => {
      const { sources: _, ...lock } = lockOf('first', '', '/tools', [name]);
      const text = JSON.stringify({ ...lock, sources: {}, parts: [] });
      expect(() => parseLock(Buffer.from(text), 'file')).toThrow(/commands\.0\.name|has a command/);
    },
  );
});
