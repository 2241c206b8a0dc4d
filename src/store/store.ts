import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { Reporter } from '../content/index.js';
import { EngineshedError, fromSystemError, inOperation, isEngineshedError } from '../errors/index.js';
import {
  acquireLock,
  type Lock,
  lockOwners,
  makeDurableDirectories,
  type Owner,
  ownedName,
  parseOwnedName,
  replaceFile,
  sameOwner,
  sweepLock,
} from '../files/index.js';
import { removeTree } from '../layer/index.js';
import { entriesOf, makeOwnDirectory } from './directory.js';
import { recordSelections } from './history.js';
import { removePartials, sweepPartials } from './partial.js';
import { type StorePaths, storePaths, storeVersion } from './paths.js';
import { settleShims } from './shims.js';
import { checkStoreVersion } from './version.js';

/** The local home of everything installed. Making one touches nothing. */
export interface Store {
  readonly paths: StorePaths;
  /** This process, which owns the locks it takes and the staging directories it makes. */
  readonly owner: Owner;
  /** The present time. */
  readonly now: () => Date;
  readonly report: Reporter;
  /** Called before anything is written; throws where this process is not to change the store. */
  readonly beforeChange: () => void;
  /** Whether a change of this store is one entry of its history, or a step of one. */
  readonly changes: 'recorded' | 'steps';
}

/**
 * A store at `root`, an absolute directory that need not exist yet.
 * @param now tells the present time
 */
export function storeAt(root: string, owner: Owner, now: () => Date, report: Reporter = () => {}): Store {
  return { paths: storePaths(root), owner, now, report, beforeChange: () => {}, changes: 'recorded' };
}

/** What a change of the store works in. */
export interface Transaction {
  /** A directory of this transaction's own, on the store's file system; gone when it ends. */
  readonly staging: string;
}

/**
 * Runs a change of the store: makes the store where there is none, sweeps what dead processes left, keeps the collection of
 * unreachable content out while the change runs, and removes the change's staging directory at the end, however it ends.
 * A change makes things in `staging` and moves each to its place in one step, the things that others lead to first. What the names
 * of the store stand for before and after goes into its history. At the end each command has its shim.
 * @param change what it does, for the history: `install train`
 * @throws EngineshedError `STORE_VERSION`, `DISK_FULL`, `FILE_PERMISSION`, `FILE_IN_THE_WAY`, and what `work` throws
 */
export async function transaction<T>(
  store: Store,
  change: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  // The one who holds the lock must not wait for it once more: a collection that waits in between would stop both.
  if (store.changes === 'steps') return inStaging(store, work);
  store.beforeChange();
  prepareStore(store);
  try {
    return await withLock(store, 'store', 'shared', async () => {
      await sweepStaging(store);
      sweepLocks(store);
      sweepPartials(store.paths, clock(store));
      return inStaging(store, async ({ staging }) => {
        markAsStore(store, { staging });
        // What a killed process changed was not recorded.
        await record(store, 'interrupted', staging);
        const result = await work({ staging });
        await record(store, change, staging);
        await settleShims(store, { staging }, (settle) => withLock(store, 'shims', 'exclusive', settle));
        return result;
      });
    });
  } catch (thrown) {
    const error = fromSystemError(thrown);
    if (error.code === 'DISK_FULL') removePartials(store.paths);
    throw error;
  }
}

async function inStaging<T>(store: Store, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const staging = `${store.paths.staging}/${ownedName(store.owner)}`;
  try {
    mkdirSync(staging, { mode: 0o700 });
    return await work({ staging });
  } finally {
    await removeTree(staging);
  }
}

/**
 * Removes what dead processes have left, where there is anything, for commands that find nothing to change. A store that can only be
 * read stays as it is.
 * @throws EngineshedError as {@link transaction} does
 */
export async function sweepStore(store: Store): Promise<void> {
  const { staging, locks } = store.paths;
  const isClean = [staging, locks].every((path) => entriesOf(path).length === 0);
  if (isClean) return;
  try {
    await transaction(store, 'sweep', async () => {});
  } catch (error) {
    if (!isEngineshedError(error, 'FILE_PERMISSION')) throw error;
  }
}

/**
 * Runs several changes that are one in the history, and between which nothing is collected.
 * @param work gets the store to make them in
 * @throws EngineshedError as {@link transaction} does
 */
export function asOneChange<T>(store: Store, change: string, work: (store: Store) => Promise<T>): Promise<T> {
  return transaction(store, change, () => work({ ...store, changes: 'steps' }));
}

/**
 * Runs `write`, which writes to the history of a store, alone. Where that cannot be done, as on a full disk, the change that it tells
 * of counts all the same, and there is a warning.
 */
export async function withHistory(store: Store, write: () => void): Promise<void> {
  try {
    await withLock(store, 'history', 'exclusive', async () => write());
  } catch (error) {
    const { message } = fromSystemError(error);
    store.report({ type: 'warning', message: `The history could not be written: ${message}` });
  }
}

async function record(store: Store, change: string, staging: string): Promise<void> {
  await withHistory(store, () => recordSelections(store.paths, change, store.now(), staging));
}

/** The time as the file system stamps files, in milliseconds. */
function clock({ now }: Store): () => number {
  return () => now().getTime();
}

/** Runs `work` under a lock of the store, and says so when it has to wait. */
export async function withLock<T>(
  store: Store,
  name: string,
  mode: 'shared' | 'exclusive',
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(store.paths.lock(name), mode, store.owner, {
    onWait: (holder) =>
      store.report({ type: 'waiting', what: `process ${holder.pid}, which holds "${name}"` }),
  });
  return releasing(lock, work);
}

/** Runs `work` under a lock only if that is free now; tells whether it ran. */
export async function ifUnlocked(store: Store, name: string, work: () => Promise<unknown>): Promise<boolean> {
  const lock = await acquireLock(store.paths.lock(name), 'exclusive', store.owner, { whenBusy: 'fail' });
  if (lock !== undefined) await releasing(lock, work);
  return lock !== undefined;
}

async function releasing<T>(lock: Lock | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

function prepareStore({ paths }: Store): void {
  try {
    makeDurableDirectories(paths.root, 0o755);
    checkStoreVersion(paths);
    if (!isMarked(paths)) refuseOtherContent(paths);
    for (const directory of ownDirectories(paths)) makeOwnDirectory(directory);
  } catch (error) {
    throw inOperation(`Preparing the store ${paths.root}`, error);
  }
}

function ownDirectories(paths: StorePaths): string[] {
  return [
    paths.engines,
    paths.layers,
    paths.trees,
    paths.blobs,
    paths.history,
    paths.projects,
    paths.locks,
    paths.partial,
    paths.staging,
  ];
}

function isMarked(paths: StorePaths): boolean {
  return lstatSync(paths.version, { throwIfNoEntry: false }) !== undefined;
}

function markAsStore({ paths }: Store, { staging }: Transaction): void {
  if (!isMarked(paths))
    replaceFile(paths.version, JSON.stringify({ version: storeVersion }), `${staging}/store.json`);
}

/** What no engine needs is deleted from a store, so it must not be made of, say, an image layout, which has `blobs` too. */
function refuseOtherContent(paths: StorePaths): void {
  const { seenChannels, signedImages, reserve } = paths;
  const own = [
    ...ownDirectories(paths),
    seenChannels,
    signedImages,
    reserve,
    paths.shims,
    paths.current,
    paths.version,
  ].map((path) => basename(path));
  const others = readdirSync(paths.root).filter(
    (name) => !own.includes(name) && !name.startsWith('.') && name !== 'lost+found',
  );
  if (others.length === 0) return;
  throw new EngineshedError('FILE_IN_THE_WAY', `${paths.root} is not empty and not an Engineshed store`, {
    hint: 'Set ENGINESHED_HOME to a new or empty directory.',
    details: { path: paths.root },
  });
}

/**
 * Removes the staging directories of dead processes. A living one holds the store's lock for as long as it has one, so the
 * directories are listed before the lock is looked at.
 */
async function sweepStaging(store: Store): Promise<void> {
  const { paths } = store;
  const names = readdirSync(paths.staging);
  const living = lockOwners(paths.lock('store'), clock(store));
  for (const name of names) {
    const owner = parseOwnedName(name);
    if (owner !== undefined && living.some((other) => sameOwner(owner, other))) continue;
    // What cannot be removed now stays for the next sweep.
    await removeTree(`${paths.staging}/${name}`).catch(() => {});
  }
}

/** Removes the locks of dead processes, and what else is no lock. */
function sweepLocks(store: Store): void {
  const { paths } = store;
  for (const entry of readdirSync(paths.locks, { withFileTypes: true })) {
    if (entry.isDirectory()) sweepLock(paths.lock(entry.name), clock(store));
    else rmSync(paths.lock(entry.name), { force: true });
  }
}
