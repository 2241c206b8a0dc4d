import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { windowsNode, wineEnvironment } from '../../scripts/windows-peer.mjs';
import { program } from '../acceptance/user.js';

/** What a program on Windows left behind. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run one. */
export interface Options {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A user on Windows, as Wine has it, with a home whose path has in it what is hard for `cmd`. */
export interface WindowsUser {
  /** Where all of it is; the paths are those of this machine. */
  readonly root: string;
  readonly home: string;
  readonly store: string;
  /** Runs a program; `PATH` has the shims, and what `also` names. */
  run(words: readonly string[], options?: Options, also?: readonly string[]): Ended;
  /** Runs the lines of a batch file, which has `%NODE%` and `%MAIN%`. */
  batch(lines: readonly string[], options?: Options, also?: readonly string[]): Ended;
  /** Runs engineshed, which must succeed, and gives its output. */
  engineshed(...args: readonly string[]): string;
  /** Starts a script of Node, and waits until it says something. */
  start(script: string): Promise<void>;
}

const tools: Readonly<Record<string, string>> = {
  'say.cmd': '@echo off\r\necho %ENGINESHED_ENGINE%\r\necho %SAID%\r\necho [%*]\r\nexit /b 7\r\n',
  pass: `#!/usr/bin/env -S node --no-warnings
const [node, file, ...args] = process.argv;
const { SAID, ROOT, EMPTY, ENGINESHED_HOME } = process.env;
const left = Object.keys(process.env).filter((name) => /^shed_/i.test(name));
console.log(JSON.stringify({ args, file, SAID, ROOT, EMPTY, ENGINESHED_HOME, left, options: process.execArgv }));
if (args[0] === 'input') console.log(require('fs').readFileSync(0, 'utf8'));
process.exit(9);
`,
  shell: '#!/bin/bash\nconsole.log(process.execPath, process.argv[1]);\n',
};

const commands = (part: string) => `
commands.say = { part = "${part}", path = "bin/say.cmd" }
commands.pass = { part = "${part}", path = "bin/pass" }
commands.shell = { part = "${part}", path = "bin/shell" }`;

const catalog = (images: string, directory: string) => `
[engines.first]
kind = "custom"
description = "of an image"
sources.tools = { layout = "${images}:1" }
environment.SAID = "one & two | 3 ^ (4) !5!"
environment.ROOT = { part = "tools", path = "bin" }${commands('tools')}
[engines.second]
kind = "custom"
description = "of a directory"
sources.tools = { directory = "${directory}" }
environment.SAID = "second"${commands('tools')}
[engines.third]
kind = "custom"
description = "whose environment no batch file can be told"
sources.tools = { layout = "${images}:1" }
environment.SAID = "süß"${commands('tools')}
`;

/** A path of this machine as Windows has it. */
export function onWindows(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`;
}

/** Makes one, with the engines `first`, which is active, `second` and `third` installed. Remove `root` afterwards. */
export function makeUser(): WindowsUser {
  const root = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-windows-`));
  const home = `${root}/Jürgen (x) & Söhne!`;
  const store = `${home}/the store`;
  mkdirSync(`${home}/tools/bin`, { recursive: true });
  mkdirSync(`${home}/project/sub`, { recursive: true });
  mkdirSync(`${home}/config/engineshed`, { recursive: true });
  mkdirSync(`${root}/tools/bin`, { recursive: true });
  for (const [name, text] of Object.entries(tools))
    for (const directory of [home, root]) writeFileSync(`${directory}/tools/bin/${name}`, text);
  const images = `${root}/images`;
  execFileSync(process.execPath, [program, 'publish', `${home}/tools`, `oci:${images}:1`]);
  writeFileSync(`${home}/config/engineshed/engineshed.toml`, catalog(`Z:${images}`, `Z:${root}/tools`));
  const environment = (also: readonly string[], more: Readonly<Record<string, string>> = {}) => ({
    ...process.env,
    ...wineEnvironment,
    LC_ALL: 'C.UTF-8',
    CI: '',
    WINEPATH: [...also, `${onWindows(store)}\\shims`].join(';'),
    XDG_CONFIG_HOME: onWindows(`${home}/config`),
    ENGINESHED_HOME: onWindows(store),
    NODE: onWindows(windowsNode),
    MAIN: onWindows(program),
    ...more,
  });
  // What Node for Windows writes to a pipe of this machine does not arrive; to a file it does.
  const run: WindowsUser['run'] = (words, options = {}, also = []) => {
    const [out, error] = [`${root}/out.txt`, `${root}/error.txt`];
    writeFileSync(`${root}/in.txt`, options.input ?? '');
    const streams = [openSync(`${root}/in.txt`, 'r'), openSync(out, 'w'), openSync(error, 'w')];
    const { status } = spawnSync('wine', words, {
      cwd: options.directory ?? home,
      env: environment(also, options.environment),
      stdio: streams,
      timeout: 60_000,
    });
    for (const stream of streams) closeSync(stream);
    const text = (path: string) => readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
    return { status, stdout: text(out), stderr: text(error) };
  };
  const user: WindowsUser = {
    root,
    home,
    store,
    run,
    batch: (lines, options, also) => {
      writeFileSync(`${root}/run.cmd`, ['@echo off', ...lines, ''].join('\r\n'));
      return run(['cmd', '/c', onWindows(`${root}/run.cmd`)], options, also);
    },
    engineshed: (...args) => {
      const { status, stdout, stderr } = run([windowsNode, onWindows(program), ...args]);
      if (status !== 0)
        throw new Error(`engineshed ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
      return stdout;
    },
    start: async (script) => {
      writeFileSync(`${root}/script.cjs`, script);
      const said = `${root}/said.txt`;
      const out = openSync(said, 'w');
      spawn('wine', [windowsNode, onWindows(`${root}/script.cjs`)], {
        env: environment([]),
        stdio: ['ignore', out, out],
      });
      closeSync(out);
      while (readFileSync(said, 'utf8') === '') await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
  user.engineshed('install', 'first');
  user.engineshed('install', 'second');
  user.engineshed('install', 'third');
  return user;
}
