import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasWindows, windowsNode } from '../../scripts/windows-peer.mjs';
import { removeTree } from '../../src/layer/remove.js';
import { makeUser, onWindows, type WindowsUser } from './stand.js';

describe.skipIf(!hasWindows())('on Windows, as Wine has it', { timeout: 120_000 }, () => {
  let user: WindowsUser;
  /** `NAME@ID` of each. */
  let first: string;
  let second: string;
  const idOf = (name: string) => readFileSync(`${user.store}/engines/${name}/active`, 'utf8').trim();

  beforeAll(() => {
    user = makeUser();
    first = `first@${idOf('first')}`;
    second = `second@${idOf('second')}`;
  }, 120_000);
  afterAll(() => removeTree(user.root));

  it('engines are installed, checked, switched, gone back to and uninstalled', async () => {
    expect(readFileSync(`${user.store}/current`, 'utf8')).toBe('engines/first/active\n');
    expect(user.engineshed('verify')).toContain('Nothing is damaged');
    expect(user.engineshed('doctor')).not.toMatch(/shims.* is not on the PATH/);
    user.engineshed('use', 'second');
    expect(user.engineshed('current')).toBe('second\n');
    user.engineshed('link', 'tools', onWindows(`${user.home}/tools`), '--engine', 'first');
    expect(user.engineshed('which', 'tools', '--engine', 'first')).toContain('Söhne!\\tools\n');
    user.engineshed('rollback');
    user.engineshed('rollback');
    expect(user.engineshed('current')).toBe('first\n');
    expect(`first@${idOf('first')}`).toBe(first);
    user.engineshed('uninstall', 'third');
    expect(readdirSync(`${user.store}/shims`).sort()).toEqual(['pass.cmd', 'say.cmd', 'shell.cmd']);
    user.engineshed('gc');
    user.engineshed('install', 'third');
    expect(user.engineshed('verify', '--fast')).toContain('Nothing is damaged');
  });

  it('a name is led elsewhere when those who read it have done so', async () => {
    const [current, staging] = [`${user.store}/current`, `${user.store}/staging`].map(onWindows);
    await user.start(`
      const { openSync, closeSync, readdirSync } = require('fs');
      const fd = openSync(${JSON.stringify(current)}, 'r');
      const links = () => readdirSync(${JSON.stringify(staging)}, { recursive: true }).filter((name) => /link-/.test(name));
      console.log('reading');
      const timer = setInterval(() => {
        if (links().length === 0) return;
        clearInterval(timer);
        setTimeout(() => closeSync(fd), 300);
      }, 5);
    `);
    user.engineshed('use', 'second');
    expect(readFileSync(`${user.store}/current`, 'utf8')).toBe('engines/second/active\n');
    user.engineshed('use', 'first');
  });

  it('a shim passes arguments, exit status and input, and leaves the environment of its caller as it was', () => {
    const said = 'one & two | 3 ^ (4) !5!';
    const { stdout } = user.batch(
      [
        'call say a "b  c" "d&e|f<g>h^i" (j) "!k!" l=m,n;o "" "100%%"',
        'echo left [%SAID%] [%shed_file%] [%ENGINESHED_ENGINE%]',
        'call say +second a "b  c" "d&e" l=m,n;o',
        'call say "+second" p',
        'call say +second',
        `call say +${first} q`,
        'call say ++x "y  z"',
        'call say "++x  y" z',
        'call say x +second',
        'call say',
      ],
      {},
    );
    const lines = stdout.split('\n').map((line) => line.trimEnd());
    const runs = lines.filter((line) => line.startsWith('[')).map((line) => line.replace(' ]', ']'));
    expect(runs).toEqual([
      '[a "b  c" "d&e|f<g>h^i" (j) "!k!" l=m,n;o "" "100"]',
      '[a "b  c" "d&e" l=m,n;o]',
      '[p]',
      '[]',
      '[q]',
      '[+x "y  z"]',
      '["+x  y" z]',
      '[x +second]',
      '[]',
    ]);
    expect(lines.filter((line) => /@/.test(line))).toEqual([
      first,
      second,
      second,
      second,
      first,
      first,
      first,
      first,
      first,
    ]);
    expect(lines).toContain('left [] [] []');
    expect(user.run(['cmd', '/c', 'say']).status).toBe(7);

    const node = [onWindows(windowsNode).replace(/\\[^\\]*$/, '')];
    const passed = user.run(['cmd', '/c', 'pass', 'input', 'b  c'], { input: 'some\ninput' }, node);
    const [told = '', ...input] = passed.stdout.split('\n');
    expect(passed.status).toBe(9);
    expect(input.join('\n')).toContain('some\ninput');
    expect(JSON.parse(told)).toEqual({
      args: ['input', 'b  c'],
      file: expect.stringMatching(/Söhne!\\the store\\layers\\sha256\\[0-9a-f]+\\tools\\bin\\pass$/),
      SAID: said,
      ROOT: expect.stringMatching(/Söhne!\\the store\\layers\\sha256\\[0-9a-f]+\\tools\\bin$/),
      ENGINESHED_HOME: onWindows(user.store),
      left: [],
      options: ['--no-warnings'],
    });
  });

  it('a shim selects as the program does, and leaves to it what is not plain', () => {
    const project = `${user.home}/project`;
    const other = `${user.root}/bin`;
    mkdirSync(other, { recursive: true });
    writeFileSync(`${other}/engineshed.cmd`, '@echo off\r\necho handed over [%*]\r\n');
    const lock = (name: string, id: string) =>
      `{\n  "version": 1,\n  "engine": "${name}",\n  "id": "${id}",\n  "sources": {}\n}\n`;
    const handed = 'handed over [exec -- say x]';
    const [, firstId = ''] = first.split('@');
    const cases: readonly (readonly [toml: string, expected: string, lock?: string])[] = [
      ['engine = "second"\n', second],
      ['# one\r\n\r\n  engine="second" # two = three\r\n[x]\r\nengine = "no"\r\n', second],
      ['default = "no"\nengine = "second"', second],
      ['[x]\nengine = "second"\n', first],
      ['engines = "second"\n', first],
      ['engine x = "second"\n', first],
      ["engine = 'second'\n", handed],
      ['engine = "second" x\n', handed],
      ['engine = second\n', handed],
      ['engine =\n', handed],
      ['engine = "../engines/second"\n', handed],
      ['engine = "SECOND"\n', handed],
      ['engine = "nonesuch"\n', handed],
      ['engine = "third"\n', handed],
      ['engine = "first"\n', first, lock('first', firstId)],
      ['engine = "first"\n', first, lock('first', firstId).replaceAll('\n', '\r\n')],
      ['engine = "first"\n', handed, lock('second', firstId)],
      ['engine = "first"\n', handed, lock('first', '0123456789abcdef')],
      ['engine = "first"\n', handed, lock('first', `${firstId}" & echo run & "`)],
      ['engine = "first" & echo run & "\n', handed],
      ['engine = "first"\n', handed, '{"version": 1}\n'],
    ];
    const names = cases.map((_, number) => `p${number}`);
    for (const [number, [toml, , text]] of cases.entries()) {
      const directory = `${project}/${names[number]}`;
      mkdirSync(`${directory}/sub/deep er`, { recursive: true });
      writeFileSync(`${directory}/engineshed.toml`, toml);
      if (text !== undefined) writeFileSync(`${directory}/engineshed.lock`, text);
    }
    const { stdout } = user.batch(
      names.flatMap((name) => [`cd "..\\..\\..\\${name}\\sub\\deep er"`, 'call say x']),
      { directory: `${project}/p0/sub/deep er` },
      [onWindows(other)],
    );
    const found = stdout.split('\n').filter((line) => /@|handed/.test(line));
    expect(found.map((line, number) => [cases[number]?.[0], line.trimEnd()])).toEqual(
      cases.map(([toml, expected]) => [toml, expected]),
    );
    expect(stdout).not.toMatch(/^run/m);

    const variables = user.batch(
      [
        'cd project\\p0',
        'call say x',
        'set HAMLET_ENGINE=first',
        'call say x',
        `set ENGINESHED_ENGINE=${second}`,
        'call say x',
        'call say +first x',
        'call say +nonesuch "x  y"',
        'call say "+a b" x',
        'set ENGINESHED_ENGINE=x" ^& echo run ^& "',
        'call say x',
      ],
      {},
      [onWindows(other)],
    );
    const selected = variables.stdout.split('\n').filter((line) => /@|handed|run/.test(line));
    expect(selected.map((line) => line.trimEnd().replace(' ]', ']'))).toEqual([
      second,
      first,
      second,
      first,
      'handed over [exec "+nonesuch" say "x  y"]',
      expect.stringMatching(/^handed over \[exec "\+a b" say/),
      handed,
    ]);
    const alone = user.batch(['set HAMLET_ENGINE=nonesuch', 'call say x']);
    expect(alone.stderr).toContain('engineshed: No engine that is installed has the command say');
    rmSync(project, { recursive: true });
    mkdirSync(project);
  });

  it('nothing that is known to be damaged is run by a shim', () => {
    const commands = readFileSync(`${user.store}/engines/${first.replace('@', '/')}/.commands`, 'utf8');
    const mark = `${user.store}/${/^mark tools (.*)\r$/m.exec(commands)?.[1]?.replaceAll('\\', '/')}`;
    writeFileSync(mark, '');
    expect(user.run(['cmd', '/c', 'say']).stdout).toBe('');
    rmSync(mark);
    expect(user.run(['cmd', '/c', 'say']).stdout).toContain(first);
  });

  it('a script for bash is run by that of Git, and not by that of Windows', () => {
    const [git, windows] = [`${user.root}/local/Programs/Git/bin`, `${user.root}/w/System32`];
    for (const directory of [git, windows]) {
      mkdirSync(directory, { recursive: true });
      if (!existsSync(`${directory}/bash.exe`)) linkSync(windowsNode, `${directory}/bash.exe`);
    }
    const lines = [
      `set "LOCALAPPDATA=${onWindows(`${user.root}/local`)}"`,
      'call shell',
      '"%NODE%" "%MAIN%" exec first shell',
    ];
    const { stdout, stderr } = user.batch(lines, {}, [onWindows(windows)]);
    const [byShim = '', byProgram] = stdout.split('\n').filter((line) => line.includes('bash.exe'));
    expect(stderr).toBe('');
    expect(byShim).toContain('local\\Programs\\Git\\bin\\bash.exe ');
    expect(byProgram).toBe(byShim);
  });

  it('exec starts batch files and scripts, with arguments as they are', () => {
    const { stdout } = user.batch([
      `set "PATH=%PATH%;${onWindows(windowsNode).replace(/\\[^\\]*$/, '')}"`,
      '"%NODE%" "%MAIN%" exec first pass a "b  c" "d&e|f<g>h" "i\\"j" "" "t\\\\"',
      '"%NODE%" "%MAIN%" exec first say a "b  c" "d&e|f<g>h" "i\\"j" (k)',
      'echo status %errorlevel%',
      '"%NODE%" "%MAIN%" exec first cmd /c exit 3',
      'echo status %errorlevel%',
      '"%NODE%" "%MAIN%" exec third pass',
    ]);
    const [passed = '', engine, , said, ...rest] = stdout.split('\n').map((line) => line.trimEnd());
    expect(JSON.parse(passed).args).toEqual(['a', 'b  c', 'd&e|f<g>h', 'i"j', '', 't\\']);
    expect(engine).toBe(first);
    expect(said).toBe('["a" "b  c" "d&e|f<g>h" "i""j" "(k)"]');
    expect(rest.slice(0, 2)).toEqual(['status 7', 'status 3']);
    expect(JSON.parse(rest[2] ?? '').SAID).toBe('süß');
  });
});
