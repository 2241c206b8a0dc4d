import { lockId } from '../engine/index.js';
import type { EngineLock, LockedLayer } from '../engine/types.js';
import { readPointer } from '../files/index.js';
import type { Digest } from '../oci/index.js';
import { standsAsDirectory } from './directory.js';
import { readLayer } from './layer.js';
import { linkedId } from './linked.js';
import { linkedLock, readLinks } from './links.js';
import { isMarked } from './mark.js';
import { keptBytes } from './partial.js';
import { haveShims } from './shims.js';
import { isFinished, sourceDirectory } from './source.js';
import { intactState } from './state.js';
import type { Store } from './store.js';

/** A layer that an install has to fetch, and the source that it is fetched from. */
export interface PlannedLayer extends LockedLayer {
  readonly source: string;
}

/** A directory that an install has to put together from layers, by hard links. */
export interface PlannedTree {
  /** Where it will stand. */
  readonly directory: string;
  /** The layers, lowest first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Whether the engine's name is to stand for the state that is installed: always, or only where it stands for none. A project's
 * state leaves the machine's engine of that name alone.
 */
export type Naming = 'always' | 'where-new';

/** What an install will do. Plain data; `--dry-run` prints it. */
export interface InstallPlan {
  readonly lock: EngineLock;
  readonly naming: Naming;
  /** The id of the resolved state. */
  readonly id: string;
  /** The layers that the store lacks, each once. */
  readonly fetch: readonly PlannedLayer[];
  /** The layers that the store has. */
  readonly present: readonly PlannedLayer[];
  readonly compose: readonly PlannedTree[];
  /** The bytes to download: without those that an interrupted download has left. */
  readonly fetchBytes: number;
  /** Whether this state stands installed, and the name stands for what it is to, so that there is nothing to do. */
  readonly upToDate: boolean;
}

/**
 * Plans an install: what of a resolved engine the store lacks, or has damaged. Reads the store, writes nothing.
 * @param renew layers that are to be made anew though they stand
 * @throws EngineshedError `FILE_IN_THE_WAY`, `STORE_VERSION`, `FILE_PERMISSION`
 */
export function planInstall(
  store: Store,
  lock: EngineLock,
  naming: Naming = 'always',
  renew: ReadonlySet<Digest> = new Set(),
): InstallPlan {
  const layers = new Map<Digest, PlannedLayer>();
  for (const [source, locked] of Object.entries(lock.sources)) {
    if (locked.kind === 'directory') continue;
    for (const layer of locked.layers)
      if (!layers.has(layer.diffId)) layers.set(layer.diffId, { ...layer, source });
  }
  const fetch = [...layers.values()].filter(
    ({ diffId }) => renew.has(diffId) || readLayer(store.paths.layer(diffId)) === undefined,
  );
  const made = new Set(fetch.map((layer) => `${store.paths.layer(layer.diffId)}/${layer.source}`));
  const compose = new Map<string, PlannedTree>();
  for (const [source, locked] of Object.entries(lock.sources)) {
    const directory = sourceDirectory(store, source, locked);
    if (locked.kind === 'directory' || made.has(directory)) continue;
    // The other names of a layer that is fetched are made again with it.
    if (standsAsDirectory(directory) && isFinished(directory) && !isMarked(directory)) continue;
    compose.set(directory, { directory, diffIds: locked.layers.map((layer) => layer.diffId) });
  }
  const id = lockId(lock);
  return {
    lock,
    naming,
    id,
    fetch,
    present: [...layers.values()].filter((layer) => !fetch.includes(layer)),
    compose: [...compose.values()],
    fetchBytes: fetch.reduce((sum, layer) => sum + bytesToFetch(store, lock, layer), 0),
    upToDate:
      fetch.length === 0 && compose.size === 0 && isInstalled(store, lock) && isNamed(store, lock, naming),
  };
}

/** Whether the engine's name stands for what it is to, and a linked state stands in for this one where the engine has links. */
function isNamed(store: Store, lock: EngineLock, naming: Naming): boolean {
  const { paths } = store;
  const id = lockId(lock);
  const linked = linkedLock(lock, readLinks(paths, lock.name));
  const standIn = linked === undefined ? undefined : lockId(linked);
  if (linked !== undefined && (linkedId(paths, lock.name, id) !== standIn || !isInstalled(store, linked)))
    return false;
  const active = activeState(store, lock.name);
  return naming === 'always' ? active === (standIn ?? id) : active !== undefined;
}

function isInstalled(store: Store, lock: EngineLock): boolean {
  const engine = intactState(store, lock);
  return engine !== undefined && haveShims(store.paths, engine.commands ?? []);
}

function bytesToFetch({ paths }: Store, lock: EngineLock, layer: PlannedLayer): number {
  const kept = lock.sources[layer.source]?.kind === 'image' ? keptBytes(paths, layer) : 0;
  return layer.descriptor.size - kept;
}

function activeState(store: Store, name: string): string | undefined {
  try {
    return readPointer(store.paths.engineActive(name));
  } catch {
    return undefined;
  }
}
