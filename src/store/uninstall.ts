import { existsSync, renameSync, rmSync } from 'node:fs';
import { didYouMean, EngineshedError } from '../errors/index.js';
import { pointerAt, syncDirectory } from '../files/index.js';
import { collect } from './collect.js';
import type { StorePaths } from './paths.js';
import { findProjects } from './projects.js';
import { engineNames, readCurrent } from './record.js';
import { withReserve } from './reserve.js';
import { ifUnlocked, type Store, type Transaction, transaction, withLock } from './store.js';

/** What to do when the engine to be removed is the active one, or one that the lock of a project names. */
export type WhenUsed = 'refuse' | 'deactivate';

/** What an uninstall did. */
export interface UninstallResult {
  /** Whether the engine was the active one; then none is active now. */
  readonly wasActive: boolean;
  /** The locks of projects that name it: each project installs it again when it is used next. */
  readonly projects: readonly string[];
  /** How many layers no installed engine needs any more, and were removed. */
  readonly removedLayers: number;
  /** Whether the removal of layers was left to the next uninstall, because another process changes the store. */
  readonly collectionDeferred: boolean;
}

/**
 * Removes an engine and what no other engine needs. What is kept of one that is not installed, for going forth to a later generation, stays.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `ENGINE_ACTIVE`, `ENGINE_NEEDED`, `STORE_CORRUPT` where another engine's record is damaged
 * (then nothing is collected), `FILE_PERMISSION`
 */
export async function uninstall(store: Store, name: string, whenUsed: WhenUsed): Promise<UninstallResult> {
  if (!isInstalled(store.paths, name)) throw notInstalled(store.paths, name);
  return withReserve(store, () => removeInstalled(store, name, whenUsed));
}

async function removeInstalled(store: Store, name: string, whenUsed: WhenUsed): Promise<UninstallResult> {
  const removed = await transaction(store, `uninstall ${name}`, (running) =>
    removeEngine(store, running, name, whenUsed),
  );
  let removedLayers = 0;
  const collected = await ifUnlocked(store, 'store', async () => {
    removedLayers = (await collect(store, 'all')).layers.length;
  });
  return { ...removed, removedLayers, collectionDeferred: !collected };
}

/**
 * Removes an engine's name and all its states in one step; its content stays for a collection. Tells who used it.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `ENGINE_ACTIVE`, `ENGINE_NEEDED`, `STORE_CORRUPT` for the record of a project that is
 * damaged
 */
export function removeEngine(
  store: Store,
  { staging }: Transaction,
  name: string,
  whenUsed: WhenUsed,
): Promise<Pick<UninstallResult, 'wasActive' | 'projects'>> {
  const { paths } = store;
  return withLock(store, 'selection', 'exclusive', () =>
    withLock(store, `engine-${name}`, 'exclusive', async () => {
      if (!isInstalled(paths, name)) throw notInstalled(paths, name);
      const wasActive = readCurrent(paths) === name;
      if (wasActive && whenUsed === 'refuse') {
        throw new EngineshedError('ENGINE_ACTIVE', `The engine ${name} is the active one`, {
          hint: 'Choose another with "engineshed use", or uninstall it with --force.',
        });
      }
      const projects = projectsWith(store, name);
      if (projects.length > 0 && whenUsed === 'refuse') throw needed(name, projects);
      if (wasActive) {
        rmSync(paths.current);
        syncDirectory(paths.root);
      }
      renameSync(paths.engine(name), `${staging}/engine-${name}`);
      syncDirectory(paths.engines);
      return { wasActive, projects };
    }),
  );
}

/** The locks that are there and name a state of the engine which is installed. */
function projectsWith({ paths, now }: Store, name: string): string[] {
  return findProjects(paths, now())
    .records.filter(({ engine, id, missing }) => {
      return engine === name && missing === undefined && existsSync(paths.engineState(name, id));
    })
    .map(({ lock }) => lock);
}

function needed(name: string, projects: readonly string[]): EngineshedError {
  const [first = '', ...others] = projects;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return new EngineshedError('ENGINE_NEEDED', `The engine ${name} is what ${first}${more} names`, {
    hint: 'Uninstall it all the same with --force: a project installs it again when it is used next.',
    details: { path: first },
  });
}

/** Whether a name stands for something, damaged or not. States alone are kept for other generations, or were left by a killed install. */
function isInstalled(paths: StorePaths, name: string): boolean {
  return engineNames(paths).includes(name) && pointerAt(paths.engineActive(name)) !== 'nothing';
}

function notInstalled(paths: StorePaths, name: string): EngineshedError {
  const names = engineNames(paths);
  return new EngineshedError('ENGINE_NOT_INSTALLED', `The engine ${name} is not installed`, {
    hint: names.includes(name)
      ? 'Of what was installed earlier, the store keeps what "engineshed history" leads to; "engineshed gc" frees the rest.'
      : (didYouMean(name, names) ?? 'See those that are with: engineshed list'),
  });
}
