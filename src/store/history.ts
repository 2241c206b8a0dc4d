import { readdirSync, readFileSync } from 'node:fs';
import { readPointer, replaceFile } from '../files/index.js';
import { unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';
import { engineNames, readCurrent } from './record.js';

/** What the names of a store stood for at some time. */
export interface Selections {
  /** The active engine. */
  readonly active: string | null;
  /** The id of the state that each installed engine's name stood for. */
  readonly engines: Readonly<Record<string, string>>;
}

/** One entry of a store's history: what its names stood for from some time on. */
export interface Generation extends Selections {
  /** Counted from 1; later ones have higher numbers. */
  readonly number: number;
  /** Since when, RFC 3339. */
  readonly time: string;
  /** What led here, for people: `install train`. */
  readonly change: string;
}

/** The history of a store. */
export interface History {
  /** In the order of their numbers. What `gc` took is not there any more. */
  readonly generations: readonly Generation[];
  /** The number of the one that the store is at; undefined where nothing was ever recorded. */
  readonly position: number | undefined;
}

/**
 * Reads the history of a store. What is damaged of it is left out: it is a convenience and no truth of its own.
 * @throws EngineshedError `IO_FAILED`, `FILE_PERMISSION` where it is there and cannot be read: `gc` must not take that for less
 */
export function readHistory(paths: StorePaths): History {
  const generations = generationNumbers(paths).flatMap((number) => readGeneration(paths, number) ?? []);
  const position = Number(textOf(`${paths.history}/position`) ?? Number.NaN);
  return { generations, position: Number.isSafeInteger(position) ? position : undefined };
}

/**
 * What the names of a store stand for now.
 * @throws EngineshedError `IO_FAILED`, `FILE_PERMISSION`
 */
export function readSelections(paths: StorePaths): Selections {
  const states = engineNames(paths).flatMap((name): [string, string][] => {
    const id = linkOf(paths.engineActive(name));
    return id === undefined ? [] : [[name, id]];
  });
  return { active: readCurrent(paths) ?? null, engines: Object.fromEntries(states) };
}

/** Tells whether two are the same. */
function sameSelections(one: Selections, other: Selections): boolean {
  const names = Object.keys(one.engines);
  return (
    one.active === other.active &&
    names.length === Object.keys(other.engines).length &&
    names.every((name) => one.engines[name] === other.engines[name])
  );
}

/**
 * Records what the names stand for now, if that is not what was recorded last. The caller has the lock of the history.
 * @param change what led here; for what a killed process left it is found out, as far as the history can tell
 * @throws NodeJS.ErrnoException
 */
export function recordSelections(
  paths: StorePaths,
  change: string | 'interrupted',
  now: Date,
  staging: string,
): void {
  const selections = readSelections(paths);
  const { generations, position } = readHistory(paths);
  const at = generations.find(({ number }) => number === position);
  if (at === undefined ? isEmpty(selections) : sameSelections(at, selections)) return;
  // A rollback that was killed before it moved the position is at a generation that exists.
  const known =
    change === 'interrupted' ? generations.findLast((old) => sameSelections(old, selections)) : undefined;
  const number = known?.number ?? (generations.at(-1)?.number ?? 0) + 1;
  if (known === undefined) {
    const generation: Generation = { number, time: now.toISOString(), change, ...selections };
    replaceFile(`${paths.history}/${number}.json`, JSON.stringify(generation), `${staging}/generation`);
  }
  movePosition(paths, number, staging);
}

/**
 * Says which generation the store is at. The caller has the lock of the history, and has led the names there.
 * @throws NodeJS.ErrnoException
 */
export function movePosition(paths: StorePaths, number: number, staging: string): void {
  replaceFile(`${paths.history}/position`, String(number), `${staging}/position`);
}

function isEmpty({ active, engines }: Selections): boolean {
  return active === null && Object.keys(engines).length === 0;
}

function generationNumbers({ history }: StorePaths): number[] {
  const names = unlessMissing(() => readdirSync(history)) ?? [];
  return names
    .flatMap((name) => (/^[1-9]\d{0,8}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []))
    .sort((a, b) => a - b);
}

function readGeneration({ history }: StorePaths, number: number): Generation | undefined {
  const text = textOf(`${history}/${number}.json`);
  if (text === undefined) return undefined;
  let read: Partial<Generation> | null;
  try {
    read = JSON.parse(text) as Partial<Generation> | null;
  } catch {
    return undefined;
  }
  const complete =
    read?.number === number &&
    typeof read.time === 'string' &&
    typeof read.change === 'string' &&
    (read.active === null || typeof read.active === 'string') &&
    typeof read.engines === 'object' &&
    read.engines !== null &&
    Object.values(read.engines).every((id) => typeof id === 'string');
  return complete ? (read as Generation) : undefined;
}

function textOf(path: string): string | undefined {
  return unlessMissing(() => readFileSync(path, 'utf8'));
}

function linkOf(path: string): string | undefined {
  return unlessMissing(() => readPointer(path));
}
