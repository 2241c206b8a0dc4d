import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ownerOf } from '../../src/files/index.js';
import { removeTree } from '../../src/layer/index.js';
import { gc, storeAt } from '../../src/store/index.js';
import { program, type Run, run, type User, userIn } from '../acceptance/user.js';
import { type Change, changes } from './changes.js';
import { differences, everything, inPlace, leftovers, type State } from './state.js';

const preload = fileURLToPath(new URL('fault-at.cjs', import.meta.url));

/** After so long without an end a command hangs, in milliseconds, and is killed, which no error may lead to. */
const patienceMs = 60_000;

/** A call of a command in its situation. */
export interface Call {
  /** Counted from 1. */
  readonly number: number;
  readonly changes: boolean;
  readonly name: string;
  readonly path: string;
}

/** A command in a situation that can be had again and again. */
export interface Stand {
  readonly user: User;
  readonly change: Change;
  /** Every file-system call of the command, in order. */
  readonly calls: readonly Call[];
  /** How long the command takes undisturbed, in milliseconds. */
  readonly duration: number;
  /** The command is killed at a call. Gives what is wrong afterwards; nothing where all is well. */
  kill(at: number): Promise<string[] | 'missed'>;
  /** The process group of the command is killed after some milliseconds, perhaps too late. */
  killAfter(milliseconds: number): Promise<string[]>;
  /** A call of the command fails, with one of the errors that it can have; with `lasting` later ones too. */
  fail(at: number, which: number, how: 'once' | 'lasting'): Promise<string[] | 'missed'>;
  /** Puts everything back as the command finds it. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sets up one of the {@link changes}.
 * @param directory a new directory for it, which is removed by `close`
 */
export async function makeStand(name: string, directory: string): Promise<Stand> {
  const home = `${directory}/home`;
  const saved = `${directory}/saved`;
  mkdirSync(`${home}/tmp`, { recursive: true });
  const user = userIn(home);
  const prepare = changes[name];
  if (prepare === undefined) throw new Error(`There is no change "${name}"`);
  const change = await prepare(user);
  execFileSync('cp', ['-a', home, saved]);
  const before = everything(home);
  const restore = async () => {
    await removeTree(home);
    execFileSync('cp', ['-a', saved, home]);
  };
  const environment = { ...user.environment, TMPDIR: `${home}/tmp` };
  const command = (faults: Record<string, string>): Promise<Run> =>
    run(process.execPath, [program, ...change.command], {
      directory: user.work,
      environment: {
        ...environment,
        ...(faults.FAULT_ROOT === undefined ? {} : { NODE_OPTIONS: `--require "${preload}"` }),
        ...faults,
      },
      ...(change.input === undefined ? {} : { input: change.input }),
      patience: patienceMs,
    });
  const log = `${directory}/log`;

  const counted = await command({ FAULT_ROOT: home, FAULT_LOG: log });
  if (counted.status !== 0) throw new Error(`"${name}" fails: ${counted.stderr}`);
  const calls = readCalls(log);
  const done = everything(home);
  await collectAll(user);
  const collected = everything(home);
  await restore();
  const began = performance.now();
  await command({});
  const duration = performance.now() - began;

  /** What must hold whatever happened, without anything being run. */
  const standing = (): string[] => inPlace(home, change.active, before, done);
  /** What must hold after the command was given once more, and after a collection. */
  const recovers = async (): Promise<string[]> => {
    const again = await command({});
    const faults: string[] = [];
    if (!(change.again ?? [0]).includes(again.status ?? -1))
      return [`given again, it ends with ${again.status}: ${again.stderr}`];
    if (again.status === 0) faults.push(...differences('given again', everything(home), done));
    await collectAll(user);
    faults.push(...differences('after gc', everything(home), collected), ...leftovers(home));
    return faults;
  };
  const judged = async (faults: string[]) => [...faults, ...standing(), ...(await recovers())];

  return {
    user,
    change,
    calls,
    duration,
    restore,
    async kill(at) {
      await restore();
      const { signal, status } = await command({ FAULT_ROOT: home, FAULT_AT: `${at}`, FAULT: 'kill' });
      // Streams come in more and fewer pieces, so the last calls are not always made.
      if (signal === null && status === 0) return 'missed';
      return judged(signal === 'SIGKILL' ? [] : [`was not killed, but ended with ${status}`]);
    },
    async killAfter(milliseconds) {
      await restore();
      await killedAfter(milliseconds, change, user.work, environment);
      return judged([]);
    },
    async fail(at, which, how) {
      await restore();
      const FAULT = `${which}${how === 'lasting' ? '+' : ''}`;
      const ended = await command({ FAULT_ROOT: home, FAULT_AT: `${at}`, FAULT, FAULT_LOG: log });
      const [, struck] = /^! (\w+) /m.exec(readFileSync(log, 'utf8')) ?? [];
      if (struck === undefined && ended.status === 0) return 'missed';
      const state =
        ended.status === 0 ? differences('ended with 0', loose(everything(home)), loose(done)) : [];
      return (await judged([...cleanEnd(ended, struck ?? 'nothing', change.failed), ...state])).map(
        (fault) => `${struck}: ${fault}`,
      );
    },
    async close() {
      await change.close?.();
      await removeTree(directory);
    },
  };
}

function readCalls(log: string): Call[] {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  return lines.map((line, at) => {
    const [, kind, name = '', path = ''] = /^(.) (\w+) (.*)$/.exec(line) ?? [];
    return { number: at + 1, changes: kind === 'w', name, path };
  });
}

/** What an error may look like to a user: its kind, and no stack. */
function cleanEnd({ status, signal, stderr }: Run, struck: string, other: number | undefined): string[] {
  if (signal !== null) return [`ended by ${signal}`];
  if (status === 0) return [];
  const expected = struck === 'EACCES' || struck === 'EROFS' ? 77 : 74;
  const faults: string[] = [];
  if (status !== expected && status !== other) faults.push(`status ${status}, not ${expected}: ${stderr}`);
  if (!stderr.includes(struck)) faults.push(`does not say ${struck}: ${stderr}`);
  if (/\n {4}at /.test(stderr)) faults.push(`shows a stack: ${stderr}`);
  return faults;
}

/** What may be left until the next command, taken away. */
function loose(state: State): State {
  return new Map(
    [...state].filter(([path]) => !/(^|\/)(staging|locks|partial|tmp)\/|\.engineshed-(new|lock)/.test(path)),
  );
}

async function collectAll({ store }: User): Promise<void> {
  if (!existsSync(`${store}/store.json`)) return;
  await gc(
    storeAt(store, ownerOf(process.pid), () => new Date()),
    { generations: 0 },
  );
}

function killedAfter(
  milliseconds: number,
  { command, input }: Change,
  cwd: string,
  env: Record<string, string>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), milliseconds);
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}
