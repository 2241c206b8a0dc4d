import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Host } from '../../src/cli/host.js';
import { userConfiguration } from '../../src/cli/places.js';
import { type EngineLock, formatNamedEngine, parseNamedEngine } from '../../src/engine/index.js';
import { isEngineshedError } from '../../src/errors/index.js';
import { ownerOf } from '../../src/files/index.js';
import { findSelection, useEngine } from '../../src/shim/index.js';
import { applyInstall, planInstall, readEngine, type Store, storeAt } from '../../src/store/index.js';
import { admitted } from '../support/admission.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Every shell of this machine that can be the system's `sh`. */
export const shells = [
  ['dash'],
  ['bash'],
  ['bash', '--posix'],
  ['busybox', 'sh'],
  ['mksh'],
  ['ksh'],
  ['zsh'],
  ['zsh', '--emulate', 'sh'],
].filter(([shell = '']) => spawnSync(shell, ['-c', ':']).status === 0);

/** Says which state runs it, and with what. */
const say = `#!/bin/sh
printf '%s\\n' "$ENGINESHED_ENGINE" "$SAID" "$#" "$@"
`;

/** A store with engines that have a command, and a home. The engines are `first`, in two states, and `second`. */
export interface Stand {
  readonly home: string;
  readonly store: Store;
  /** `NAME@ID` of the states: `first` stands for the later one. */
  readonly earlier: string;
  readonly later: string;
  readonly second: string;
  /** What the environment of each run has. */
  readonly environment: Readonly<Record<string, string>>;
  install(lock: EngineLock): Promise<string>;
  use(name: string): Promise<void>;
  /** Writes a file below the home. */
  write(path: string, text: string): void;
}

/** An engine whose only source is the directory `tools`. */
export function lockOf(name: string, said: string, tools: string, commands = ['say']): EngineLock {
  return {
    name,
    description: '',
    kind: 'custom',
    catalog: 'test',
    sources: { tools: { kind: 'directory', path: tools } },
    parts: [{ type: 'tools', source: 'tools', path: '.' }],
    environment: [{ name: 'SAID', kind: 'value', value: said }],
    ...(commands.length === 0
      ? {}
      : { commands: commands.map((command) => ({ name: command, part: 'tools', path: 'say' })) }),
  };
}

/** Makes one. None of its engines is the active one. */
export async function makeStand(home = temporaryDirectory(), storeName = 'store'): Promise<Stand> {
  mkdirSync(`${home}/tools`, { recursive: true });
  mkdirSync(`${home}/bin`, { recursive: true });
  mkdirSync(`${home}/project/sub`, { recursive: true });
  writeFileSync(`${home}/tools/say`, say, { mode: 0o755 });
  writeFileSync(`${home}/bin/engineshed`, '#!/bin/sh\nprintf "%s\\n" "handed over" "$@"\n', { mode: 0o755 });
  const store = storeAt(`${home}/${storeName}`, ownerOf(process.pid), () => new Date());
  const install = async (lock: EngineLock) => {
    const content = () => {
      throw new Error('nothing is fetched');
    };
    const admission = await admitted(lock);
    const inputs = { content, remembered: new Map(), admission, platform: 'linux' };
    const { engine } = await applyInstall(store, planInstall(store, lock), inputs);
    return formatNamedEngine(engine);
  };
  const stand: Stand = {
    home,
    store,
    earlier: await install(lockOf('first', 'earlier', `${home}/tools`)),
    later: await install(lockOf('first', "the later's", `${home}/tools`)),
    second: await install(lockOf('second', 'second', `${home}/tools`)),
    environment: { PATH: `${home}/bin:/usr/bin:/bin`, HOME: home, ENGINESHED_HOME: store.paths.root },
    install,
    use: async (name) => void (await useEngine(store, name)),
    write: (path, text) => writeFileSync(`${home}/${path}`, text),
  };
  return stand;
}

/** Where, and with what beside the stand's environment, a command is called. */
export interface Call {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Calls a file, in the stand's home where no directory is given, and gives all that it said. */
export function call(
  stand: Stand,
  words: readonly string[],
  { input = '', environment = {}, directory = stand.home }: Call & { readonly input?: string } = {},
) {
  const [file = '', ...args] = words;
  const { status, stdout, stderr } = spawnSync(file, args, {
    cwd: directory,
    env: { ...stand.environment, ...environment },
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** What a shim selects when a shell runs it: `NAME@ID`, or `handed over`. */
export function selectedByShim(
  stand: Stand,
  shell: readonly string[],
  { directory, environment }: Call,
): string {
  const [file = '', ...flags] = shell;
  const output = execFileSync(file, [...flags, stand.store.paths.shim('say')], {
    cwd: directory ?? `${stand.home}/project/sub`,
    env: { ...stand.environment, ...environment },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return output.split('\n')[0] ?? '';
}

/** What Engineshed itself selects: `NAME@ID`; `handed over` where it would have to install something, or says what is wrong. */
export function selectedByProgram(stand: Stand, { directory, environment }: Call): string {
  const all: Record<string, string> = { ...stand.environment, ...environment };
  const { paths } = stand.store;
  try {
    const selection = findSelection({
      paths,
      environment: all,
      search: {
        directory: execFileSync('pwd', ['-P'], {
          cwd: directory ?? `${stand.home}/project/sub`,
          encoding: 'utf8',
        }).trimEnd(),
        userId: process.getuid?.(),
      },
      userConfiguration: () => userConfiguration({ environment: all, home: all.HOME } as Host),
    });
    if (selection === undefined) return 'handed over';
    return formatNamedEngine(readEngine(paths, selection.name, selection.id));
  } catch (error) {
    if (isEngineshedError(error)) return 'handed over';
    throw error;
  }
}

/** The first lines of a lock. */
export function lockText(named: string): string {
  const { name, id } = parseNamedEngine(named);
  return `{\n  "version": 1,\n  "engine": "${name}",\n  "id": "${id}",\n  "sources": {}\n}\n`;
}
