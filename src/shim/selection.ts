import { lstatSync } from 'node:fs';
import { EngineshedError, inOperation } from '../errors/index.js';
import { replaceLink } from '../files/index.js';
import {
  currentTarget,
  type InstalledEngine,
  inTheWay,
  isNoLink,
  readCurrent,
  readEngine,
  refuseDamaged,
  type Store,
  type Transaction,
  transaction,
  withLock,
} from '../store/index.js';

/**
 * Makes an installed engine the active one: one rename of the `current` link. Whoever follows the link meets the earlier
 * engine or this one, never none.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `STORE_CORRUPT` (a layer of it is missing), `FILE_IN_THE_WAY`
 */
export async function useEngine(store: Store, name: string): Promise<InstalledEngine> {
  readEngine(store.paths, name);
  return transaction(store, `use ${name}`, (running) =>
    withLock(store, 'selection', 'exclusive', async () => select(store, running, name)),
  );
}

/**
 * Makes an engine the active one only where none is; tells whether it did.
 * @throws EngineshedError as {@link useEngine} does
 */
export async function useFirstEngine(store: Store, name: string): Promise<boolean> {
  if (readCurrent(store.paths) !== undefined) return false;
  return transaction(store, `use ${name}`, (running) =>
    withLock(store, 'selection', 'exclusive', async () => {
      // Somebody may have chosen one meanwhile.
      if (readCurrent(store.paths) !== undefined) return false;
      select(store, running, name);
      return true;
    }),
  );
}

function select(store: Store, { staging }: Transaction, name: string): InstalledEngine {
  const engine = readEngine(store.paths, name);
  checkComplete(engine);
  const { current } = store.paths;
  if (isNoLink(current)) throw inTheWay(current, 'is not a link');
  try {
    replaceLink(current, currentTarget(name), staging);
  } catch (error) {
    throw inOperation(`Making ${name} the active engine`, error);
  }
  return engine;
}

/**
 * Checks that every source and part of an engine stands where its record says.
 * @throws EngineshedError `STORE_CORRUPT`
 */
function checkComplete(engine: InstalledEngine): void {
  refuseDamaged(engine);
  for (const { type, directory } of engine.parts) {
    if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) continue;
    throw new EngineshedError(
      'STORE_CORRUPT',
      `The engine ${engine.name} is not complete: its part ${type} is missing`,
      {
        hint: `Install it again with: engineshed install ${engine.name}`,
        details: { path: directory },
      },
    );
  }
}
