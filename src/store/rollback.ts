import { lstatSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { replaceLink, syncDirectory } from '../files/index.js';
import { inTheWay, isNoLink } from './directory.js';
import { type Generation, movePosition, readHistory, readSelections, type Selections } from './history.js';
import { isMarked } from './mark.js';
import { currentTarget } from './paths.js';
import { readEngineFile } from './record.js';
import { restoreLinks } from './relink.js';
import { type Store, transaction, withHistory, withLock } from './store.js';

/** What going back in the history will change. Plain data; `--dry-run` prints it. */
export interface RollbackPlan {
  /** The generation that the store is at. */
  readonly from: number;
  /** The generation that it will be at. */
  readonly to: number;
  /** When the store was there, RFC 3339. */
  readonly time: string;
  /** What had led there, for people. */
  readonly change: string;
  /** The active engine before and after; null where none is. */
  readonly active: { readonly from: string | null; readonly to: string | null };
  /** The engines whose names will stand for another state; null is not installed. */
  readonly engines: readonly {
    readonly name: string;
    readonly from: string | null;
    readonly to: string | null;
  }[];
}

/**
 * Plans to lead the names of a store to what they stood for at a generation. Reads the store, writes nothing.
 * @param to its number; the one before the present one where none is given
 * @throws EngineshedError `GENERATION_UNKNOWN` where there is no such one, or no earlier one, `GENERATION_INCOMPLETE` where the store does
 * not have all of its engines any more
 */
export function planRollback(store: Store, to: number | undefined): RollbackPlan {
  const { generations, position } = readHistory(store.paths);
  const target = findTarget(generations, position, to);
  const now = readSelections(store.paths);
  const missing = Object.entries(target.engines).filter(([name, id]) => !isComplete(store, name, id));
  if (missing.length > 0) throw incomplete(target, missing);
  const names = [...new Set([...Object.keys(now.engines), ...Object.keys(target.engines)])].sort();
  return {
    from: position ?? 0,
    to: target.number,
    time: target.time,
    change: target.change,
    active: { from: now.active, to: target.active },
    engines: names.flatMap((name) => {
      const [was, will] = [now.engines[name] ?? null, target.engines[name] ?? null];
      return was === will ? [] : [{ name, from: was, to: will }];
    }),
  };
}

/**
 * Goes to a generation, back or forth, without a network: each name is led to its state in one step, the active engine last. An
 * engine that was not installed then is not installed afterwards; its content stays until `gc` takes it.
 * @returns the plan that was carried out
 * @throws EngineshedError as {@link planRollback} does, `FILE_IN_THE_WAY`
 */
export async function rollback(store: Store, to: number | undefined): Promise<RollbackPlan> {
  const { paths } = store;
  // One number for the whole command: a transaction that first records what a killed one left moves what is "the one before".
  const { to: number } = planRollback(store, to);
  return transaction(store, 'rollback', ({ staging }) =>
    withLock(store, 'selection', 'exclusive', async () => {
      const plan = planRollback(store, number);
      for (const { name, to: id } of plan.engines) {
        if (id === null) continue;
        await withLock(store, `engine-${name}`, 'exclusive', async () => {
          replaceLink(paths.engineActive(name), id, staging);
          restoreLinks(store, { staging }, name, id);
        });
      }
      select(store, plan.active.to, staging);
      for (const { name, to: id } of plan.engines) {
        if (id !== null) continue;
        await withLock(store, `engine-${name}`, 'exclusive', async () => forget(paths.engineActive(name)));
      }
      await withHistory(store, () => movePosition(paths, plan.to, staging));
      return plan;
    }),
  );
}

function findTarget(
  generations: readonly Generation[],
  position: number | undefined,
  to: number | undefined,
): Generation {
  const found =
    to === undefined
      ? generations.findLast(({ number }) => number < (position ?? 0))
      : generations.find(({ number }) => number === to);
  if (found !== undefined) return found;
  const known = generations.map(({ number }) => number).join(', ');
  throw new EngineshedError(
    'GENERATION_UNKNOWN',
    to === undefined ? 'There is no earlier generation to go back to' : `There is no generation ${to}`,
    {
      hint:
        known === ''
          ? 'The store has no history yet.'
          : `There is: ${known}. See them with: engineshed history`,
    },
  );
}

/** Whether a state of an engine, with every source and part, is in the store, and none is known to be damaged. */
function isComplete({ paths }: Store, name: string, id: string): boolean {
  const engine = readEngineFile(`${paths.engineState(name, id)}/engine.json`);
  if (engine?.name !== name) return false;
  return [...Object.values(engine.sources), ...engine.parts].every(
    ({ directory }) => lstatSync(directory, { throwIfNoEntry: false }) !== undefined && !isMarked(directory),
  );
}

function incomplete(
  { number }: Generation,
  missing: readonly (readonly [string, string])[],
): EngineshedError {
  const engines = missing.map(([name, id]) => `${name} (${id.slice(0, 8)})`).join(', ');
  return new EngineshedError(
    'GENERATION_INCOMPLETE',
    `The store does not have all of generation ${number} any more: it lacks ${engines}`,
    { hint: 'Go to another one, or install the engine again.' },
  );
}

function select({ paths }: Store, name: Selections['active'], staging: string): void {
  if (isNoLink(paths.current)) throw inTheWay(paths.current, 'is not a link');
  if (name === null) forget(paths.current);
  else replaceLink(paths.current, currentTarget(name), staging);
}

function forget(link: string): void {
  rmSync(link, { force: true });
  syncDirectory(dirname(link));
}
