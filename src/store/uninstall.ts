import { renameSync, rmSync } from 'node:fs';
import { didYouMean, EngineshedError } from '../errors/index.js';
import { syncDirectory } from '../files/index.js';
import { collect } from './collect.js';
import type { StorePaths } from './paths.js';
import { engineNames, readCurrent } from './record.js';
import { ifUnlocked, type Store, type Transaction, transaction, withLock } from './store.js';

/** What to do when the engine to be removed is the active one. */
export type WhenActive = 'refuse' | 'deactivate';

/** What an uninstall did. */
export interface UninstallResult {
  /** Whether the engine was the active one; then none is active now. */
  readonly wasActive: boolean;
  /** How many layers no installed engine needs any more, and were removed. */
  readonly removedLayers: number;
  /** Whether the removal of layers was left to the next uninstall, because another process changes the store. */
  readonly collectionDeferred: boolean;
}

/**
 * Removes an engine and what no other engine needs.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `ENGINE_ACTIVE`, `STORE_CORRUPT` where another engine's record is damaged
 * (then nothing is collected), `FILE_PERMISSION`
 */
export async function uninstall(
  store: Store,
  name: string,
  whenActive: WhenActive,
): Promise<UninstallResult> {
  if (!engineNames(store.paths).includes(name)) throw notInstalled(store.paths, name);
  const wasActive = await transaction(store, `uninstall ${name}`, (running) =>
    removeEngine(store, running, name, whenActive),
  );
  let removedLayers = 0;
  const collected = await ifUnlocked(store, 'store', async () => {
    removedLayers = (await collect(store, 'all')).layers.length;
  });
  return { wasActive, removedLayers, collectionDeferred: !collected };
}

/**
 * Removes an engine's name and all its states in one step; its content stays for a collection. Tells whether it was the active one.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `ENGINE_ACTIVE`
 */
export function removeEngine(
  store: Store,
  { staging }: Transaction,
  name: string,
  whenActive: WhenActive,
): Promise<boolean> {
  const { paths } = store;
  return withLock(store, 'selection', 'exclusive', () =>
    withLock(store, `engine-${name}`, 'exclusive', async () => {
      if (!engineNames(paths).includes(name)) throw notInstalled(paths, name);
      const wasActive = readCurrent(paths) === name;
      if (wasActive && whenActive === 'refuse') {
        throw new EngineshedError('ENGINE_ACTIVE', `The engine ${name} is the active one`, {
          hint: 'Choose another with "engineshed use", or uninstall it with --force.',
        });
      }
      if (wasActive) {
        rmSync(paths.current);
        syncDirectory(paths.root);
      }
      renameSync(paths.engine(name), `${staging}/engine-${name}`);
      syncDirectory(paths.engines);
      return wasActive;
    }),
  );
}

function notInstalled(paths: StorePaths, name: string): EngineshedError {
  return new EngineshedError('ENGINE_NOT_INSTALLED', `The engine ${name} is not installed`, {
    hint: didYouMean(name, engineNames(paths)) ?? 'See those that are with: engineshed list',
  });
}
