import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { readCurrent, readEngines, readHistory, type StorePaths, storePaths } from '../../src/store/index.js';
import { readTree } from '../support/tree.js';
import type { Change } from './changes.js';

/** Everything below a user's home, by path. What differs between two runs of one command is left out. */
export type State = ReadonlyMap<string, string>;

const greetings = ['Hello, Ada!\n', 'Welcome back, Ada!\n'] as const;
/** What the example's versions say; an engine of another name is either of them. */
const says: Readonly<Record<string, readonly string[]>> = {
  'hello-1.0.0': [greetings[0]],
  'hello-2.0.0': [greetings[1]],
};

/** Reads all files of a user: the store, image layouts, archives, credential files. */
export function everything(home: string): State {
  const entries = Object.entries(readTree(home)).flatMap(([path, what]): [string, string][] => {
    // Whether an interruption is in the history, and when an engine was installed and used, is all that two runs may differ in.
    if (path.startsWith('store/history/') || path.endsWith('/used')) return [];
    // What gives its room back, and whoever has room next keeps some.
    if (/^store\/reserve(\/|$)/.test(path)) return [];
    return [[path, path.endsWith('/engine.json') ? 'record' : what]];
  });
  return new Map(entries);
}

/** The same without the content of image layouts, where that tells when it was made. */
export function stateOf(home: string, { isDated }: Pick<Change, 'isDated'>): State {
  const state = everything(home);
  if (isDated !== true) return state;
  return new Map([...state].filter(([path]) => !/^work\/.*\/(blobs\/\w+\/\w+|index\.json)$/.test(path)));
}

/** In what a state is not as it should be. */
export function differences(when: string, state: State, expected: State): string[] {
  const paths = new Set([...state.keys(), ...expected.keys()]);
  return [...paths]
    .filter((path) => state.get(path) !== expected.get(path))
    .map(
      (path) =>
        `${when}: ${path} is ${state.get(path) ?? 'missing'}, should be ${expected.get(path) ?? 'missing'}`,
    );
}

/** What a command finds and what it leaves when nothing disturbs it. */
export interface Course {
  readonly before: State;
  readonly after: State;
}

/**
 * What must hold at every moment: each thing is as it was before or as it is after, nothing in between; all that a name leads to
 * stands; the active engine runs.
 */
export function inPlace(
  home: string,
  change: Pick<Change, 'active' | 'damage' | 'isDated' | 'mayLeaveStates'>,
  { before, after }: Course,
): string[] {
  const { active, damage } = change;
  const state = stateOf(home, change);
  const faults: string[] = [];
  for (const [path, what] of state) {
    if (isUnfinished(path) || what === before.get(path) || what === after.get(path)) continue;
    // Several tags are set one after the other; that what an index names is there is checked below.
    if (isNewDirectory(path, what, after) || /^work\/.*\/index\.json$/.test(path)) continue;
    if (damage !== undefined && isMark(path)) continue;
    if (change.mayLeaveStates && isInState(path) && !before.has(path)) continue;
    faults.push(
      `${path} is ${what}, was ${before.get(path) ?? 'missing'}, will be ${after.get(path) ?? 'missing'}`,
    );
  }
  for (const [path, what] of before) {
    if (after.get(path) !== what || state.get(path) === what) continue;
    // What is damaged is moved out of its place as a whole before what is whole is moved there.
    if (damage === 'repaired' && isOfContentThatIsGone(path, state)) continue;
    faults.push(`${path} is ${state.get(path) ?? 'missing'}`);
  }
  faults.push(...layouts(home));
  if (damage !== undefined) return faults;
  const paths = storePaths(`${home}/store`);
  return [...faults, ...standing(paths), ...running(paths, active)];
}

function isMark(path: string): boolean {
  return /^store\/(layers|trees)\/.*\/\.damaged-/.test(path);
}

function isOfContentThatIsGone(path: string, state: State): boolean {
  const [layer] = /^store\/layers\/\w+\/\w+/.exec(path) ?? [];
  const [tree] = /^store\/trees\/\w+\/\w+\/[^./][^/]*/.exec(path) ?? [];
  return [layer, tree].some((root) => root !== undefined && !state.has(root));
}

/** What no command leaves when others came after it. */
export function leftovers(home: string): string[] {
  return [...everything(home).keys()]
    .filter((path) => isUnfinished(path) && !/^(tmp|store\/(staging|locks|partial))$/.test(path))
    .map((path) => `left: ${path}`);
}

/** What a command that runs has for itself, and the next one sweeps where it died. */
function isUnfinished(path: string): boolean {
  return /^(tmp|store\/(staging|locks|partial))(\/|$)|\.engineshed-(new|lock)/.test(path);
}

/** Directories are made before what is in them; a mode may come last. */
function isNewDirectory(path: string, what: string, after: State): boolean {
  return what.startsWith('directory') && after.get(path)?.startsWith('directory') === true;
}

/** Every record of the store can be read, and leads to what stands; its history tells where it is. */
export function standing(paths: StorePaths): string[] {
  const faults: string[] = [];
  const engines = readEngines(paths, (name, error) => faults.push(`the record of ${name}: ${error.message}`));
  for (const { name, sources, parts } of engines)
    for (const { directory } of [...Object.values(sources), ...parts])
      if (!existsSync(directory)) faults.push(`${name} lacks ${directory}`);
  const files = existsSync(paths.history)
    ? readdirSync(paths.history).filter((name) => name.endsWith('.json'))
    : [];
  const { generations, position } = readHistory(paths);
  if (generations.length !== files.length) faults.push('a generation cannot be read');
  if (position !== undefined && !generations.some(({ number }) => number === position))
    faults.push(`the store is at generation ${position}, which is not there`);
  return faults;
}

/** The active engine is one of these, and its executor runs. */
export function running(paths: StorePaths, active: readonly (string | null)[]): string[] {
  const current = readCurrent(paths) ?? null;
  if (!active.includes(current)) return [`${current} is active`];
  if (current === null)
    return lstatSync(paths.current, { throwIfNoEntry: false }) ? ['current leads nowhere'] : [];
  try {
    const script = '. "$0/current/env"; "$HELLO_EXECUTOR" Ada';
    const said = execFileSync('sh', ['-c', script, paths.root], { encoding: 'utf8', stdio: 'pipe' });
    return (says[current] ?? greetings).includes(said) ? [] : [`${current} says ${said}`];
  } catch (error) {
    return [`${current} does not run: ${(error as Error).message}`];
  }
}

/** Every image that an image layout names is there. */
export function layouts(home: string): string[] {
  const indexes = [...everything(home).keys()].filter((path) => /^work\/.*\/index\.json$/.test(path));
  return indexes.flatMap((path) => {
    const directory = `${home}/${path}`.replace('/index.json', '');
    if (!existsSync(`${directory}/oci-layout`)) return [`${path} is in no image layout`];
    const blob = (digest: string) => `${directory}/blobs/${digest.replace(':', '/')}`;
    return JSON.parse(readFileSync(`${home}/${path}`, 'utf8')).manifests.flatMap(
      ({ digest }: { digest: string }) => {
        if (!existsSync(blob(digest))) return [`${path} names ${digest}, which is not there`];
        const { config, layers, subject } = JSON.parse(readFileSync(blob(digest), 'utf8'));
        return [config, ...layers, ...(subject === undefined ? [] : [subject])]
          .filter((each: { digest: string }) => !existsSync(blob(each.digest)))
          .map((each: { digest: string }) => `${digest} needs ${each.digest}, which is not there`);
      },
    );
  });
}

/** A state of an engine, or something in it. */
/** Whether a path is a state of an engine, or in one. */
export function isInState(path: string): boolean {
  return /^store\/engines\/[^/]+\/[0-9a-f]{16}(?:\/|$)/.test(path);
}
