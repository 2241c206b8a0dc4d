import { lstatSync } from 'node:fs';
import { EngineshedError, inOperation } from '../errors/index.js';
import { replaceLink } from '../files/index.js';
import {
  currentTarget,
  type InstalledEngine,
  readCurrent,
  readEngine,
  type Store,
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
  return transaction(store, ({ staging }) =>
    withLock(store, 'selection', 'exclusive', async () => {
      const engine = readEngine(store.paths, name);
      checkComplete(engine);
      const { current } = store.paths;
      const standing = lstatSync(current, { throwIfNoEntry: false });
      if (standing !== undefined && !standing.isSymbolicLink()) {
        throw new EngineshedError('FILE_IN_THE_WAY', `${current} is not a link that Engineshed made`, {
          hint: 'Move it away and try again.',
          details: { path: current },
        });
      }
      try {
        replaceLink(current, currentTarget(name), staging);
      } catch (error) {
        throw inOperation(`Making ${name} the active engine`, error);
      }
      return engine;
    }),
  );
}

/** Makes an engine the active one only where none is; tells whether it did. */
export async function useFirstEngine(store: Store, name: string): Promise<boolean> {
  if (readCurrent(store.paths) !== undefined) return false;
  await useEngine(store, name);
  return true;
}

/**
 * Checks that every source and part of an engine stands where its record says.
 * @throws EngineshedError `STORE_CORRUPT`
 */
export function checkComplete(engine: InstalledEngine): void {
  const places = [
    ...Object.entries(engine.sources).map(([name, { directory }]) => ({ what: `source ${name}`, directory })),
    ...engine.parts.map(({ type, directory }) => ({ what: `part ${type}`, directory })),
  ];
  for (const { what, directory } of places) {
    if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) continue;
    throw new EngineshedError(
      'STORE_CORRUPT',
      `The engine ${engine.name} is not complete: its ${what} is missing`,
      {
        hint: `Install it again with: engineshed install ${engine.name}`,
        details: { path: directory },
      },
    );
  }
}
