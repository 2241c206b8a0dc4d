import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { publishProduct } from '../support/product.js';
import { newUser, program, run } from './cli.js';

it('a mistake on the command line is one error with a hint, in text and as JSON', async () => {
  const user = newUser();
  const cases: [args: string[], message: string, hint: string][] = [
    [
      ['instal', 'x'],
      'There is no command "instal"',
      'Did you mean "install"? All commands: engineshed --help',
    ],
    [['push'], 'There is no command "push"', 'Did you mean "publish"? All commands: engineshed --help'],
    [['get-engine'], 'There is no command "get-engine"', 'Did you mean "current"?'],
    [['constructor'], 'There is no command "constructor"', 'All commands: engineshed --help'],
    [['--offline', 'install'], '"--offline" is in the place of a command', 'Write the command first'],
    [['publish'], 'The argument DIR is missing', 'See: engineshed publish --help'],
    [['index', 'a/b'], 'Arguments are missing', 'Write: engineshed index REF SOURCE... [FLAG...]. See: '],
    [
      ['release', 'bild'],
      'There is no command "bild"',
      'Did you mean "build"? All commands: engineshed release --help',
    ],
    [['release', 'notes', 'a'], 'The argument TO is missing', 'See: engineshed release notes --help'],
    [['switch', 'x'], 'There is no command "switch"', 'Did you mean "use"?'],
    [['install', '--dry-rnu'], 'There is no flag --dry-rnu', 'Did you mean --dry-run?'],
    [['login', 'x.io', '--password', 'x'], 'There is no flag --password', 'Did you mean --password-stdin?'],
    [['install', '-n', 'x'], 'There is no flag -n', 'See: engineshed install --help'],
    [['install', 'a', 'b'], 'There is an argument too many: "b"', 'See: engineshed install --help'],
    [['install', '--name', 'a', '--name', 'b'], '--name is there twice', 'See: engineshed install --help'],
    [['install', '--plain-http'], 'The value of --plain-http is missing', 'See: engineshed install --help'],
    [['tags', 'a/b', '--sort', 'size'], '--sort cannot be "size"', 'It is one of name, version, date, none.'],
    [
      ['install', 'train', '--name', 'x'],
      '--name is for images, and "train" is the name of an engine',
      'Leave --name out.',
    ],
    [['install', '--name=', 'x.io/y'], '--name: its value is empty', 'See: engineshed install --help'],
    [['install', '--name', '', 'x.io/y'], '--name: its value is empty', 'See: engineshed install --help'],
    [['release', 'build', '--tag='], '--tag: its value is empty', 'See: engineshed release build --help'],
    [['tags', 'a/b', '--sort='], '--sort cannot be ""', 'It is one of name, version, date, none.'],
    [['gc', '--unused-for', '3'], '--unused-for: "3" is not a time', 'See: engineshed gc --help'],
  ];
  for (const [args, message, hint] of cases) {
    const text = await user.engineshed(args);
    expect([args, text.status, text.stdout]).toEqual([args, 64, '']);
    expect(text.stderr).toContain(`engineshed: ${message}`);
    expect(text.stderr).toContain(`\n  ${hint}`);
    const json = await user.engineshed([...args, '--json']);
    expect([args, json.status, json.stdout]).toEqual([args, 64, '']);
    const { error } = JSON.parse(json.stderr);
    expect(error).toMatchObject({ code: 'USAGE', kind: 'usage' });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  }
}, 60_000);

it('an image without a registry that cannot be had is told as what it was taken for, with what may be meant', async () => {
  const user = newUser();
  const cases: [asked: string, hint: string][] = [
    ['hamlet-io/engine', 'Did you mean the image ghcr.io/hamlet-io/engine?'],
    ['me/trian', 'Did you mean the engine "train"?'],
    ['me/nothing-like-it', 'For another registry write it too: HOST/me/nothing-like-it.'],
  ];
  for (const [asked, hint] of cases) {
    const { status, stderr } = await user.engineshed(['install', asked, '--offline']);
    expect([asked, status]).toEqual([asked, 69]);
    expect(stderr).toContain(`; ${asked} was taken for the image docker.io/${asked}\n  ${hint}`);
  }
  const named = await user.engineshed(['install', 'docker.io/me/trian', '--offline']);
  expect(named.stderr).not.toContain('was taken for');
});

it('help has every command, in groups, also as "help COMMAND"', async () => {
  const user = newUser();
  const help = await user.output([]);
  expect(await user.output(['--help'])).toBe(help);
  expect(await user.output(['help'])).toBe(help);
  expect(help).toMatch(/^INSTALL AND CHOOSE\n {2}available {2}/m);
  expect(help.split('\n').every((line) => line.length <= 90)).toBe(true);
  expect(await user.output(['help', 'ls'])).toBe(await user.output(['ls', '--help']));
  expect(await user.output(['version'])).toBe(await user.output(['--version']));
});

it('what would be an image of Docker Hub by mistake is refused by every command that takes an image', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/content`);
  writeFileSync(`${user.work}/file.txt`, 'text\n');
  const commands = (text: string) => [
    ['publish', 'content', text],
    ['index', text, 'x.io/a/b'],
    ['index', 'x.io/a/b', text],
    ['attach', text, 'file.txt', '--type', 'text/plain'],
    ['copy', text, 'oci:layout'],
    ['copy', 'oci:layout', text],
    ['tags', text],
    ['inspect', text],
    ['ls', text],
    ['cat', text, 'a'],
    ['referrers', text],
    ['trust', 'sign', text],
    ['trust', 'verify', text],
  ];
  const hints = {
    thing: 'docker.io/library/thing',
    'thing:1': 'docker.io/library/thing:1',
    'localhost:5000': 'Write localhost:5000/repository[:tag].',
    'dir:content': 'oci:DIR[:tag]',
    './content': 'oci:./content',
    'docker://x.io/a/b:1': 'Leave the scheme out',
    'http://x.io/a/b:1': 'Leave the scheme out',
  };
  for (const [text, hint] of Object.entries(hints)) {
    for (const args of [...commands(text), ...(text === 'thing' ? [] : [['install', text]])]) {
      const result = await user.engineshed(args);
      expect([args, result.status]).toEqual([args, 64]);
      expect(result.stderr.startsWith(`engineshed: "${text}" `)).toBe(true);
      expect(result.stderr).toContain(hint);
    }
  }
}, 120_000);

it('names that are nearly right are told', async () => {
  const user = newUser();
  await publishProduct(user);
  await user.output(['install', 'hello-1.0.0']);
  const hintOf = async (...args: string[]) => {
    const result = await user.engineshed([...args, '--json']);
    return [result.status, JSON.parse(result.stderr).error.hint];
  };
  const near = 'Did you mean "hello-1.0.0"?';
  expect(await hintOf('use', 'helo-1.0.0')).toEqual([66, `${near} If not: engineshed install helo-1.0.0`]);
  expect(await hintOf('uninstall', 'helo-1.0.0')).toEqual([66, near]);
  expect(await hintOf('use', 'hello-1.0.0@12345678')).toEqual([
    64,
    'Name the engine alone, without an id. To an earlier state of it goes: engineshed rollback',
  ]);
  expect(await hintOf('use', 'train')).toEqual([66, 'Install it with: engineshed install train']);
  expect(await hintOf('mirror', 'localhost:5000/copies', 'train')).toEqual([
    64,
    'Write: engineshed mirror ENGINE REGISTRY. One image is copied with "engineshed copy".',
  ]);
});

it('an archive that is there is named once, and replaced on request by all that write one', async () => {
  const user = newUser();
  await publishProduct(user);
  mkdirSync(`${user.work}/content`);
  writeFileSync(`${user.work}/content/file.txt`, 'text\n');
  await user.output(['publish', 'content', 'oci:layout:1']);
  for (const [at, args] of [
    ['publish', 'content', 'oci-archive:0.tar'],
    ['copy', 'oci:layout:1', 'oci-archive:1.tar'],
    ['export', 'hello-1.0.0', '2.tar'],
  ].entries()) {
    writeFileSync(`${user.work}/${at}.tar`, 'mine');
    const refused = await user.engineshed(args);
    expect([args, refused.status]).toEqual([args, 74]);
    expect(refused.stderr).toContain('--replace');
    expect(refused.stderr.split(`${at}.tar`).length).toBe(2);
    expect(readFileSync(`${user.work}/${at}.tar`, 'utf8')).toBe('mine');
    await user.output([...args, '--replace']);
    expect(readFileSync(`${user.work}/${at}.tar`, 'utf8')).not.toBe('mine');
  }
});

it('a store where nothing can be made is an error', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/content`);
  await user.output(['publish', 'content', 'oci:layout:1']);
  const result = await user.engineshed(['install', 'oci:layout:1'], {
    environment: { ENGINESHED_HOME: '/proc/nothing/here' },
  });
  expect(result.status).toBeGreaterThan(0);
  expect(result.stderr).toContain('/proc/nothing');
});

it('without the network nobody logs in', async () => {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const args = ['login', registry.host, '--username', 'ada', '--password-stdin', '--json'];
  const result = await user.engineshed(args, { input: 'x', environment: { ENGINESHED_OFFLINE: '1' } });
  expect([result.status, JSON.parse(result.stderr).error.code]).toEqual([69, 'OFFLINE']);
  expect(registry.requests).toEqual([]);
});

it('the progress line fits the terminal, and sending starts anew after packing', async () => {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  mkdirSync(`${user.work}/content`);
  writeFileSync(`${user.work}/content/file`, Buffer.alloc(40_000_000, 'some text that is packed '));
  const { CI, ...environment } = user.environment;
  for (const columns of [20, 80]) {
    const command = `stty cols ${columns}; exec "$NODE" "$PROGRAM" publish content ${registry.host}/a/b:${columns}`;
    const { stdout, status } = await run('script', ['-qec', command, '/dev/null'], {
      directory: user.work,
      environment: { ...environment, TERM: 'xterm', NODE: process.execPath, PROGRAM: program },
    });
    expect(status).toBe(0);
    const painted = [...stdout.matchAll(/\r\u001b\[K([^\r\n\u001b]+ of [^\r\n\u001b]+)/g)].map(
      ([, text = '']) => text,
    );
    expect(painted.length).toBeGreaterThan(0);
    for (const text of painted) {
      expect(text.length).toBeLessThan(columns);
      expect(text).not.toContain('of 80');
    }
    expect(painted.some((text) => text.startsWith('['))).toBe(columns === 80);
  }
});

it('a file that is not there is called one, and a directory for temporary files is named as such', async () => {
  const user = newUser();
  mkdirSync(`${user.work}/content`);
  writeFileSync(`${user.work}/content/file.txt`, 'text\n');
  await user.output(['publish', 'content', 'oci:layout:1']);
  const { work } = user;
  const cases: [args: string[], message: string][] = [
    [['attach', 'oci:layout:1', '--type', 'a/b', 'nothing'], `There is no file ${work}/nothing to attach`],
    [['attach', 'oci:layout:1', '--type', 'a/b', 'content/file.txt/x'], 'There is no file'],
    [['import', 'nothing.tar'], `There is no file ${work}/nothing.tar`],
    [['import-ini', 'nothing.ini'], `There is no file ${work}/nothing.ini`],
    [['inspect', 'oci-archive:nothing.tar'], `There is no file ${work}/nothing.tar`],
    [['inspect', 'docker-archive:nothing.tar'], `There is no file ${work}/nothing.tar`],
    [['prune', 'x.io/a', '--keep-branches', 'nothing'], `There is no file ${work}/nothing`],
    [['copy', 'oci:layout:1', 'oci-archive:nothing/x.tar'], `There is no directory ${work}/nothing`],
    [['publish', 'nothing', 'oci:layout:2'], `There is no directory ${work}/nothing`],
    [
      ['publish', 'content', 'x.io/a/b', '--dry-run'],
      'There is no directory /nothing/tmp for temporary files',
    ],
  ];
  for (const [args, message] of cases) {
    const run = await user.engineshed([...args, '--json'], { environment: { TMPDIR: '/nothing/tmp' } });
    const { error } = JSON.parse(run.stderr);
    expect([args, run.status, error.code, error.message]).toEqual([
      args,
      66,
      'PATH_NOT_FOUND',
      expect.stringContaining(message),
    ]);
    expect(error.message).not.toContain('ENOENT');
    if (message.includes('temporary')) expect(error.hint).toContain('TMPDIR');
  }
});

it('an older Node is told at once that it is too old', async () => {
  const user = newUser();
  const pretend = `${user.work}/pretend.cjs`;
  writeFileSync(
    pretend,
    "const versions = { ...process.versions, node: '18.20.8' };\nObject.defineProperty(process, 'versions', { value: versions });\n",
  );
  const options = { directory: user.work, environment: user.environment };
  for (const args of [['list'], ['install', 'train'], ['--version']]) {
    const result = await run(process.execPath, ['--require', pretend, program, ...args], options);
    expect([args, result.status, result.stdout]).toEqual([args, 78, '']);
    expect(result.stderr).toContain('This is Node 18.20.8, and Engineshed needs Node 20.19 or later');
  }
  const quickstart = fileURLToPath(new URL('../../scripts/quickstart.mjs', import.meta.url));
  const refused = await run(process.execPath, ['--require', pretend, quickstart], options);
  expect([refused.status, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('This is Node 18.20.8');
});

it('a home that is no absolute path is none: nothing is trusted that lies in the working directory', async () => {
  const user = newUser();
  const { ENGINESHED_HOME: _, ...environment } = user.environment;
  for (const HOME of ['', 'home', '../home']) {
    const listed = await run(process.execPath, [program, 'list'], {
      directory: user.work,
      environment: { ...environment, HOME },
    });
    expect(listed).toMatchObject({ status: 78, stderr: expect.stringContaining(`HOME is "${HOME}"`) });
  }
});
