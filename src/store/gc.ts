import { statSync } from 'node:fs';
import { isEngineshedError } from '../errors/index.js';
import { type CollectionPlan, collect, planCollection } from './collect.js';
import { findProjects } from './projects.js';
import { readCurrent, readEngines } from './record.js';
import { withReserve } from './reserve.js';
import { type Store, type Transaction, transaction, withLock } from './store.js';
import { removeEngine } from './uninstall.js';

/** What `gc` keeps. */
export interface Retention {
  /** How many of the latest generations can be gone back to afterwards. */
  readonly generations: number;
  /** Engines that nobody used for this long, in milliseconds, and no project needs, are uninstalled; undefined keeps them. */
  readonly unusedMs?: number | undefined;
}

/** What `gc` will do. Plain data; `--dry-run` prints it. */
export interface GcPlan {
  /** Engines to uninstall, with the time of their last use, RFC 3339. */
  readonly engines: readonly { readonly name: string; readonly used: string }[];
  /** What else goes, and what only those engines need. */
  readonly collection: CollectionPlan;
}

/**
 * Plans what `gc` does. Reads the store, writes nothing.
 * @throws EngineshedError as `planCollection` does
 */
export function planGc(store: Store, retention: Retention): GcPlan {
  const engines = unusedEngines(store, retention.unusedMs);
  return {
    engines,
    collection: planCollection(
      store,
      retention.generations,
      engines.map(({ name }) => name),
    ),
  };
}

/**
 * Uninstalls the engines that nobody uses, forgets old generations, and removes what nothing needs any more. The active engine
 * stays. Waits until no other process changes the store.
 * @throws EngineshedError `STORE_CORRUPT`, `FILE_PERMISSION`
 */
export function gc(store: Store, retention: Retention): Promise<GcPlan> {
  return withReserve(store, () => collectUnused(store, retention));
}

async function collectUnused(store: Store, retention: Retention): Promise<GcPlan> {
  const unused = unusedEngines(store, retention.unusedMs);
  const engines: GcPlan['engines'][number][] = [];
  if (unused.length > 0) {
    await transaction(store, `gc ${unused.map(({ name }) => name).join(' ')}`, async (running) => {
      for (const engine of unused) if (await isRemoved(store, running, engine.name)) engines.push(engine);
    });
  }
  // Sweeps what killed processes have left.
  await transaction(store, 'gc', async () => {});
  const collection = await withLock(store, 'store', 'exclusive', () => collect(store, retention.generations));
  return { engines, collection };
}

/** Not where somebody else has uninstalled it, made it the active one, or installed it in a project, meanwhile. */
async function isRemoved(store: Store, running: Transaction, name: string): Promise<boolean> {
  try {
    await removeEngine(store, running, name, 'refuse');
    return true;
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_NOT_INSTALLED', 'ENGINE_ACTIVE', 'ENGINE_NEEDED')) return false;
    throw error;
  }
}

/** When an engine was used last, as far as the store knows: by `exec` and `env`, or by being installed. */
function lastUse(store: Store, name: string, installed: string): number {
  const used = statSync(store.paths.engineUsed(name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Math.max(used, Date.parse(installed));
}

function unusedEngines(store: Store, unusedMs: number | undefined): GcPlan['engines'] {
  if (unusedMs === undefined) return [];
  const now = store.now().getTime();
  const active = readCurrent(store.paths);
  const needed = new Set(findProjects(store.paths, store.now()).needed.map(({ engine }) => engine));
  const engines = readEngines(store.paths, (_, error) => {
    // What cannot be read is not known to be unused, and what it needs is not known either: nothing goes.
    throw error;
  });
  return engines.flatMap(({ name, installed }) => {
    const used = lastUse(store, name, installed);
    return name === active || needed.has(name) || now - used < unusedMs
      ? []
      : [{ name, used: new Date(used).toISOString() }];
  });
}
