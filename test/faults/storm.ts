import { spawn } from 'node:child_process';
import { appendFileSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { readSelections } from '../../src/store/history.js';
import {
  readCurrent,
  readEngine,
  readEngines,
  readHistory,
  type StorePaths,
  storePaths,
} from '../../src/store/index.js';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { program, type User, userIn } from '../acceptance/user.js';
import { components, publishProduct } from '../support/product.js';
import { verified } from './checks.js';
import { following } from './prepare.js';
import { everything, layouts, leftovers, running, type State, standing } from './state.js';
import { chooseCommand, expected, kept, shared } from './storm-commands.js';
import { randomNumbers } from './walk.js';

/** What many processes at once did. */
export interface StormResult {
  readonly commands: number;
  readonly kills: number;
  /** How often each command was given. */
  readonly counts: ReadonlyMap<string, number>;
  /** How often the active engine was looked at meanwhile. */
  readonly looks: number;
  readonly faults: readonly string[];
}

/** How to let it storm. */
export interface StormOptions {
  /** A new directory for all of it. */
  readonly directory: string;
  readonly milliseconds: number;
  readonly processes: number;
  readonly seed: number;
}

/** Every fifth process is killed. */
const killedShare = 0.2;
/** When no process is killed any more, each must end within this time, in milliseconds. */
const patienceMs = 120_000;
const greeting = 'Hello, Ada!\n';

/**
 * Lets many processes do anything at once to one store, some of which are killed, and tells what did not hold meanwhile and
 * afterwards. In the first two thirds of the time nobody goes back in the history: an engine that is one process' own is then what that
 * one made it.
 */
export async function storm({
  directory,
  milliseconds,
  processes,
  seed,
}: StormOptions): Promise<StormResult> {
  mkdirSync(`${directory}/home/tmp`, { recursive: true });
  const user = userIn(`${directory}/home`);
  const registry = await ScriptedRegistry.start();
  try {
    const whole = await prepare(user, registry);
    const running = new Storm(user, registry.host, randomNumbers(seed), whole);
    await running.blow(processes, milliseconds);
    const { commands, kills, looks, counts, faults } = running;
    return { commands, kills, looks, counts, faults: [...faults] };
  } finally {
    await registry.close();
  }
}

/** Publishes everything, and gives the content that the store can have, by path. */
async function prepare(user: User, registry: ScriptedRegistry): Promise<State> {
  await publishProduct(user);
  appendFileSync(`${user.work}/engineshed.toml`, following);
  appendFileSync(
    `${user.work}/engineshed.toml`,
    following.replaceAll('engines.hello', `engines.${kept}`).replaceAll(':edge', ':1.0.0'),
  );
  writeFileSync(`${user.work}/bill.json`, '{}');
  for (const name of components) {
    await user.output(['copy', `oci:images/${name}:1.0.0`, `oci:images/${name}:edge`]);
    await user.output(['copy', `oci:images/${name}:2.0.0`, `${registry.host}/acme/${name}:2`]);
  }
  for (const name of [kept, ...shared]) await user.output(['install', name]);
  return everything(user.home);
}

/** An engine of a process' own says nothing; it is the first one where none was active. */
function activeRuns(paths: StorePaths): string[] {
  const isOwn = readCurrent(paths)?.startsWith('own-') === true;
  return isOwn ? [] : running(paths, [kept, ...shared, null]);
}

class Storm {
  commands = 0;
  kills = 0;
  looks = 0;
  readonly counts = new Map<string, number>();
  readonly faults = new Set<string>();
  readonly #user: User;
  readonly #registry: string;
  readonly #random: () => number;
  readonly #whole: State;
  /** What each process' own engine must be: the id of its state, null for not installed; undefined where it was killed meanwhile. */
  readonly #own = new Map<string, string | null | undefined>();
  #where: 'onward' | 'anywhere' = 'onward';
  #isOver = false;
  #usualMs = 1000;

  constructor(user: User, registry: string, random: () => number, whole: State) {
    this.#user = user;
    this.#registry = registry;
    this.#random = random;
    this.#whole = whole;
  }

  async blow(processes: number, milliseconds: number): Promise<void> {
    const looking = this.#look();
    await this.#phase(processes, (milliseconds * 2) / 3);
    this.#checkOwn();
    this.#where = 'anywhere';
    await this.#phase(processes, milliseconds / 3);
    this.#isOver = true;
    await looking;
    await this.#checkAfter();
  }

  async #phase(processes: number, milliseconds: number): Promise<void> {
    const ends = performance.now() + milliseconds;
    const worker = async (number: number) => {
      while (performance.now() < ends) await this.#command(`own-${number}`, ends);
    };
    await Promise.all(Array.from({ length: processes }, (_, number) => worker(number)));
  }

  async #command(own: string, ends: number): Promise<void> {
    const command = chooseCommand(this.#random, own, this.#registry, this.#where);
    const [verb = ''] = command;
    this.counts.set(verb, (this.counts.get(verb) ?? 0) + 1);
    this.commands++;
    const isOwn = command.includes(own);
    const killAfter = this.#random() < killedShare ? this.#random() * this.#usualMs * 1.2 : undefined;
    const began = performance.now();
    const { status, signal, stdout, stderr } = await this.#run(command, killAfter, ends);
    if (signal !== null) {
      this.kills++;
      if (isOwn) this.#own.set(own, undefined);
      return;
    }
    this.#usualMs = 0.9 * this.#usualMs + 0.1 * (performance.now() - began);
    if (verb === 'exec') {
      if (this.#where === 'onward' && stdout !== greeting)
        this.faults.add(`exec ended with ${status} and said ${stdout}: ${stderr}`);
      return;
    }
    if (status === 0) {
      if (isOwn) this.#own.set(own, verb === 'install' ? JSON.parse(stdout).id : null);
      if (isOwn && this.#where === 'onward') this.#checkOwn(own);
      return;
    }
    const code = /"code": ?"(\w+)"/.exec(stderr)?.[1] ?? '';
    const mine = isOwn && this.#where === 'onward' && this.#own.get(own) !== undefined;
    const isExpected = expected[verb]?.includes(code) && !(mine && verb === 'install');
    if (!isExpected) this.faults.add(`${command.join(' ')} ended with ${status}: ${stderr}${stdout}`);
    if (isOwn && code === 'ENGINE_NOT_INSTALLED') {
      if (mine && this.#own.get(own) !== null) this.faults.add(`${own} is lost`);
      this.#own.set(own, null);
    }
  }

  #run(command: readonly string[], killAfter: number | undefined, ends: number) {
    return new Promise<{ status: number | null; signal: string | null; stdout: string; stderr: string }>(
      (resolve, reject) => {
        const { work: cwd, environment, home } = this.#user;
        const env = { ...environment, TMPDIR: `${home}/tmp` };
        const child = spawn(process.execPath, [program, ...command], {
          cwd,
          env,
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        // Who else runs tests here is not to be kept from it.
        if (child.pid !== undefined) setPriority(child.pid, 10);
        const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
        const timers = [setTimeout(() => this.#hangs(command, kill), ends - performance.now() + patienceMs)];
        if (killAfter !== undefined) timers.push(setTimeout(kill, killAfter));
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (text) => {
          stdout += text;
        });
        child.stderr.on('data', (text) => {
          stderr += text;
        });
        child.on('error', reject);
        child.on('exit', () => timers.forEach(clearTimeout));
        child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
      },
    );
  }

  #hangs(command: readonly string[], kill: () => void): void {
    this.faults.add(`${command.join(' ')} does not end`);
    kill();
  }

  /** Looks again and again whether the active engine runs. */
  async #look(): Promise<void> {
    const paths = storePaths(this.#user.store);
    // Each switch makes a new link, so one that leads where an earlier one led is told from that.
    const link = (path: string) => `${readlinkSync(path)} ${lstatSync(path, { bigint: true }).ctimeNs}`;
    const leads = () => {
      try {
        return `${link(paths.current)} ${link(`${paths.root}/${readlinkSync(paths.current)}`)}`;
      } catch {
        return 'nowhere';
      }
    };
    while (!this.#isOver) {
      const before = leads();
      const found = activeRuns(paths);
      // Where it was led elsewhere meanwhile, what was looked at may be gone by right.
      if (leads() === before) for (const fault of found) this.faults.add(`meanwhile: ${fault}`);
      this.looks++;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #checkOwn(only?: string): void {
    const paths = storePaths(this.#user.store);
    for (const [name, id] of this.#own) {
      if (id === undefined || (only !== undefined && only !== name)) continue;
      const found = readEngines(paths, () => {}).find((engine) => engine.name === name)?.id ?? null;
      if (found !== id) this.faults.add(`${name} is ${found}, was made ${id}`);
    }
  }

  async #checkAfter(): Promise<void> {
    const { store, home } = this.#user;
    const paths = storePaths(store);
    const note = (faults: readonly string[]) =>
      faults.forEach((fault) => void this.faults.add(`afterwards: ${fault}`));
    note([...standing(paths), ...activeRuns(paths)]);
    // One more command of each kind.
    await this.#user.output(['install', 'hello-1.0.0', '--use']);
    for (const name of components)
      await this.#user.output(['copy', `oci:images/${name}:2.0.0`, `oci:images/${name}:edge`]);
    await this.#user.output(['gc', '--keep', '1']).catch((error) => note([String(error)]));
    await this.#user.output(['export', 'hello-1.0.0', 'all.tar']);
    note(leftovers(home));
    note([...(await verified('verify', this.#user)), ...layouts(home)]);
    for (const [path, what] of everything(home)) {
      const isContent = /^store\/(layers|trees|blobs)\//.test(path) && !path.endsWith('layer.json');
      const known = this.#whole.get(path);
      if (isContent && known !== undefined && known !== what) note([`${path} is ${what}, was ${known}`]);
    }
    const { generations, position } = readHistory(paths);
    const at = generations.find(({ number }) => number === position);
    const { active, engines } = readSelections(paths);
    if (!isDeepStrictEqual({ active, engines }, { active: at?.active, engines: at?.engines }))
      note(['the history does not say what is']);
    for (const name of shared) {
      await this.#user.output(['install', name, '--use']);
      note([...running(paths, [name]), ...(readEngine(paths, name).name === name ? [] : [`no ${name}`])]);
    }
  }
}
