import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/layer/index.js';
import { program, type Run, run, type User, userIn } from '../acceptance/user.js';
import { type Change, changes } from './changes.js';
import { collectAll, refusal, verified } from './checks.js';
import { type Disturbed, runAndKillAfter } from './kill.js';
import { differences, inPlace, isInState, leftovers, type State, stateOf } from './state.js';

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

/** What is wrong after a disturbance, nothing where all is well; `missed` where the command was over before it. */
export type Outcome = readonly string[] | 'missed';

/** A command in a situation that can be had again and again. */
export interface Stand {
  readonly user: User;
  readonly change: Change;
  /** Every file-system call of the command, in order. */
  readonly calls: readonly Call[];
  /** When the undisturbed command makes its first call, and when it ends, in milliseconds. */
  readonly atWork: readonly [from: number, to: number];
  /** The command is killed at a call. */
  kill(at: number): Promise<Outcome>;
  /** The process group of the command is killed after some milliseconds. */
  killAfter(milliseconds: number): Promise<Outcome>;
  /** A call of the command fails, with one of the errors that it can have; with `lasting` later ones too. */
  fail(at: number, which: number, how: 'once' | 'lasting'): Promise<Outcome>;
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
  const usual = change.status ?? 0;
  execFileSync('cp', ['-a', home, saved]);
  const before = stateOf(home, change);
  const restore = async () => {
    await removeTree(home);
    execFileSync('cp', ['-a', saved, home]);
  };
  const known = new Set(await verified('left', user));
  // It marks what is damaged.
  await restore();
  const environment = { ...user.environment, ...change.environment, TMPDIR: `${home}/tmp` };
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
  if (counted.status !== usual) throw new Error(`"${name}" fails: ${counted.stderr}`);
  const calls = readCalls(log);
  const after = stateOf(home, change);
  await collectAll(user);
  const collected = stateOf(home, change);
  const first = await timed(restore, () => command({ FAULT_ROOT: home, FAULT_AT: '1', FAULT: 'kill' }));
  const all = await timed(restore, () => command({}));

  /** What must hold whatever happened. */
  const stands = async (): Promise<string[]> => [
    ...inPlace(home, change, { before, after }),
    ...(change.damage === undefined
      ? (await verified('left', user)).filter((fault) => !known.has(fault))
      : await refusal(user, change)),
  ];
  /** What must hold after the command was given once more, and after a collection. */
  const recovers = async (): Promise<string[]> => {
    const again = await command({});
    if (!(change.again ?? [usual]).includes(again.status ?? -1))
      return [`given again, it ends with ${again.status}: ${again.stderr}`];
    const faults = again.status === usual ? differences('given again', stateOf(home, change), after) : [];
    await collectAll(user);
    faults.push(...differences('after gc', stateOf(home, change), collected), ...leftovers(home));
    if (change.damage !== 'told') faults.push(...(await verified('after gc', user)));
    return faults;
  };
  const judged = async (faults: string[]) => [...faults, ...(await stands()), ...(await recovers())];

  return {
    user,
    change,
    calls,
    atWork: [Math.min(first, all), all],
    restore,
    async kill(at) {
      await restore();
      const { signal, status } = await command({ FAULT_ROOT: home, FAULT_AT: `${at}`, FAULT: 'kill' });
      // Streams come in more and fewer pieces, so the last calls are not always made.
      if (signal === null && status === usual) return 'missed';
      return judged(signal === 'SIGKILL' ? [] : [`was not killed, but ended with ${status}`]);
    },
    async killAfter(milliseconds) {
      await restore();
      const disturbed: Disturbed = { change, cwd: user.work, env: environment };
      return (await runAndKillAfter(disturbed, milliseconds)) === 'killed' ? judged([]) : 'missed';
    },
    async fail(at, which, how) {
      await restore();
      const FAULT = `${which}${how === 'lasting' ? '+' : ''}`;
      const ended = await command({ FAULT_ROOT: home, FAULT_AT: `${at}`, FAULT, FAULT_LOG: log });
      const [, struck] = /^! (\w+) /m.exec(readFileSync(log, 'utf8')) ?? [];
      if (struck === undefined && ended.status === usual) return 'missed';
      // What a trial leaves is told, and taken by a collection.
      const mayStay = change.mayLeaveStates === true && ended.stderr.includes('warning:');
      const stays = (path: string) => mayStay && isInState(path) && !after.has(path);
      const left = new Map([...stateOf(home, change)].filter(([path]) => !stays(path)));
      const state = ended.status === 0 ? differences('ended with 0', loose(left), loose(after)) : [];
      return (await judged([...cleanEnd(ended, struck ?? 'nothing', change), ...state])).map(
        (fault) => `${struck}: ${fault}`,
      );
    },
    async close() {
      await change.close?.();
      await removeTree(directory);
    },
  };
}

/** The shorter time of two, in milliseconds: other processes make it longer, and nothing makes it shorter. */
async function timed(prepare: () => Promise<void>, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 2; run++) {
    await prepare();
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return Math.min(...times);
}

function readCalls(log: string): Call[] {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  return lines.map((line, at) => {
    const [, kind, name = '', path = ''] = /^(.) (\w+) (.*)$/.exec(line) ?? [];
    return { number: at + 1, changes: kind === 'w', name, path };
  });
}

/** What an error may look like to a user: its kind, and no stack. */
function cleanEnd({ status, signal, stdout, stderr }: Run, struck: string, change: Change): string[] {
  if (signal !== null) return [`ended by ${signal}`];
  if (status === (change.status ?? 0)) return [];
  const expected = struck === 'EACCES' || struck === 'EROFS' ? 77 : 74;
  const faults: string[] = [];
  if (status !== expected && status !== change.failed)
    faults.push(`status ${status}, not ${expected}: ${stderr}`);
  // What a repair could not do is part of its result.
  if (!stderr.includes(struck) && !(change.damage === 'repaired' && stdout.includes(struck)))
    faults.push(`does not say ${struck}: ${stderr}`);
  if (/\n {4}at /.test(stderr)) faults.push(`shows a stack: ${stderr}`);
  return faults;
}

/** What may be left until the next command, taken away. */
function loose(state: State): State {
  return new Map(
    [...state].filter(([path]) => !/(^|\/)(staging|locks|partial|tmp)\/|\.engineshed-(new|lock)/.test(path)),
  );
}
