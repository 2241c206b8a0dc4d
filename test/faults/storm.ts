import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readlinkSync } from 'node:fs';
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
import { following } from './prepare.js';
import { everything, leftovers, running, type State, standing } from './state.js';
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
const shared = ['hello-1.0.0', 'hello-2.0.0', 'hello'];

/** Error codes that a command may end with because another process was faster. */
const expected: Readonly<Record<string, readonly string[]>> = {
  // With --use: it was uninstalled in between.
  install: ['ENGINE_NOT_INSTALLED'],
  use: ['ENGINE_NOT_INSTALLED'],
  uninstall: ['ENGINE_NOT_INSTALLED', 'ENGINE_ACTIVE'],
  exec: ['ENGINE_NOT_INSTALLED', 'ENGINE_NONE_ACTIVE'],
  env: ['ENGINE_NONE_ACTIVE'],
  current: ['ENGINE_NONE_ACTIVE'],
  rollback: ['GENERATION_UNKNOWN', 'GENERATION_INCOMPLETE'],
};

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
  for (const name of components) {
    await user.output(['copy', `oci:images/${name}:1.0.0`, `oci:images/${name}:edge`]);
    await user.output(['copy', `oci:images/${name}:2.0.0`, `${registry.host}/acme/${name}:2`]);
  }
  for (const name of shared) await user.output(['install', name]);
  return everything(user.home);
}

/** An engine of a process' own says nothing; it is the first one where none was active. */
function activeRuns(paths: StorePaths): string[] {
  const isOwn = readCurrent(paths)?.startsWith('own-') === true;
  return isOwn ? [] : running(paths, [...shared, null]);
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
  #mayGoBack = false;
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
    this.#mayGoBack = true;
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
    const command = this.#choose(own);
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
    if (status === 0) {
      if (isOwn) this.#own.set(own, verb === 'install' ? JSON.parse(stdout).id : null);
      if (isOwn && !this.#mayGoBack) this.#checkOwn(own);
      return;
    }
    const code = /"code": ?"(\w+)"/.exec(stderr)?.[1] ?? '';
    const mine = isOwn && !this.#mayGoBack && this.#own.get(own) !== undefined;
    const isExpected = expected[verb]?.includes(code) && !(mine && verb === 'install');
    if (!isExpected) this.faults.add(`${command.join(' ')} ended with ${status}: ${stderr}`);
    if (isOwn && code === 'ENGINE_NOT_INSTALLED') {
      if (mine && this.#own.get(own) !== null) this.faults.add(`${own} is lost`);
      this.#own.set(own, null);
    }
  }

  #choose(own: string): readonly string[] {
    const pick = <T>(...items: readonly T[]): T => items[Math.floor(this.#random() * items.length)] as T;
    const name = pick(...shared);
    const version = pick('1.0.0', '2.0.0');
    const component = pick(...components);
    const source = pick(`oci:images/${component}:${version}`, `${this.#registry}/acme/${component}:2`);
    const always = [
      ['install', name],
      ['install', name, '--use'],
      ['install', source, '--name', own],
      ['install', source, '--name', own],
      ['uninstall', own],
      ['uninstall', name],
      ['uninstall', name, '--force'],
      ['use', name],
      ['gc', '--keep', pick('1', '3')],
      ['copy', `oci:images/${component}:${version}`, `oci:images/${component}:edge`],
      ['env'],
      ['current'],
      ['list'],
      ['history'],
    ];
    const back = [
      ['rollback'],
      ['rollback', '--to', `${1 + Math.floor(this.#random() * 50)}`],
      ['gc', '--unused-for', '0h'],
    ];
    return [...pick(...always, ...(this.#mayGoBack ? [...back, ...back] : [])), '--json'];
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
    const leads = () => {
      try {
        const current = readlinkSync(paths.current);
        return `${current} ${readlinkSync(`${paths.root}/${current}`)}`;
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
    note(leftovers(home));
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
