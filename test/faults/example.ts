import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { readCurrent, readEngines, storePaths } from '../../src/store/index.js';
import { newUser, type Run, run, type User } from '../acceptance/cli.js';
import { publishProduct } from '../support/product.js';
import { readTree, type Tree } from '../support/tree.js';

const preload = fileURLToPath(new URL('fault-nth.cjs', import.meta.url));

/** What the example's two versions say. */
export const greetings: Readonly<Record<string, string>> = {
  'hello-1.0.0': 'Hello, Ada!\n',
  'hello-2.0.0': 'Welcome back, Ada!\n',
};

/** A command, and the state of a user's files that it is given in, again and again. */
export interface Situation {
  readonly user: User;
  /** Puts the files back as they were. */
  restore(): Promise<void>;
  /** How many calls of the command change the file system. */
  calls(command: readonly string[]): Promise<number>;
  /** Runs the command; `fault` (`kill` or the code of an error) happens at a call, from 1. */
  runWith(command: readonly string[], fault: string, at: number): Promise<Run>;
  /** What the store and the image layouts are. */
  tree(): Tree;
}

/** A user with the example product published, and some of its versions installed, the first of them active. */
export async function makeSituation(installed: readonly string[]): Promise<Situation> {
  const user = newUser();
  await publishProduct(user);
  for (const name of installed) await user.output(['install', name]);
  const saved = `${user.home}/saved`;
  execFileSync('sh', [
    '-c',
    'mkdir -p "$1" "$2" && mkdir "$3" && cp -a "$1" "$2/images" "$3"',
    'sh',
    user.store,
    user.work,
    saved,
  ]);
  const places = [user.store, `${user.work}/images`];
  return {
    user,
    async restore() {
      for (const place of places) await removeTree(place);
      execFileSync('sh', [
        '-c',
        'cp -a "$1/store" "$2" && cp -a "$1/images" "$3"',
        'sh',
        saved,
        user.home,
        user.work,
      ]);
    },
    async calls(command) {
      const count = `${user.home}/count`;
      const environment = { NODE_OPTIONS: `--require "${preload}"`, FAULT_COUNT: count };
      await user.output(command, { environment });
      return Number(readFileSync(count, 'utf8'));
    },
    runWith: (command, fault, at) =>
      user.engineshed(command, {
        environment: { NODE_OPTIONS: `--require "${preload}"`, FAULT: fault, FAULT_AT: String(at) },
      }),
    tree() {
      const trees = places.map((place) => readTree(place));
      // When an engine was installed is all that differs between two runs, and whether the history tells of an interruption.
      return Object.fromEntries(
        trees.flatMap((tree, place) =>
          Object.entries(tree)
            .filter(([path]) => !path.startsWith('history/'))
            .map(([path, what]) => [`${place}/${path}`, path.endsWith('/engine.json') ? 'record' : what]),
        ),
      );
    },
  };
}

/** Checks that the active engine is one of these, that it runs, and that every record can be read. */
export async function expectRunning(
  { user, user: { store } }: { readonly user: User },
  ...names: string[]
): Promise<void> {
  const paths = storePaths(store);
  readEngines(paths, (_, error) => {
    throw error;
  });
  const active = readCurrent(paths) ?? 'none';
  expect(names).toContain(active);
  const { stdout, stderr } = await run(
    'sh',
    ['-c', '. "$ENGINESHED_HOME/current/env"; "$HELLO_EXECUTOR" Ada'],
    {
      environment: user.environment,
    },
  );
  expect(stdout, stderr).toBe(greetings[active]);
}

/** Checks that no process left anything in staging and locks. */
export function expectSwept({ store }: User): void {
  for (const place of ['staging', 'locks']) {
    expect(existsSync(`${store}/${place}`) ? readdirSync(`${store}/${place}`) : []).toEqual([]);
  }
}

/** At most `most` of the numbers 1 to `count`, evenly spread, the last one among them. */
export function spread(count: number, most: number): number[] {
  const step = Math.max(1, count / most);
  return [
    ...new Set(Array.from({ length: Math.min(most, count) }, (_, at) => Math.round(count - at * step))),
  ].reverse();
}
