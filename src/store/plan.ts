import { statSync } from 'node:fs';
import { lockId } from '../engine/index.js';
import type { EngineLock, LockedLayer, LockedSource } from '../engine/types.js';
import { chainId, type Digest } from '../oci/index.js';
import { readEngineFile } from './record.js';
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

/** What an install will do. Plain data; `--dry-run` prints it. */
export interface InstallPlan {
  readonly lock: EngineLock;
  /** The id of the resolved state. */
  readonly id: string;
  /** The layers that the store lacks, each once. */
  readonly fetch: readonly PlannedLayer[];
  /** The layers that the store has. */
  readonly present: readonly PlannedLayer[];
  readonly compose: readonly PlannedTree[];
  /** The bytes to download. */
  readonly fetchBytes: number;
  /** Whether exactly this state stands installed under the name already, so that there is nothing to do. */
  readonly upToDate: boolean;
}

/** Plans an install: what of a resolved engine the store lacks. Reads the store, writes nothing. */
export function planInstall(store: Store, lock: EngineLock): InstallPlan {
  const layers = new Map<Digest, PlannedLayer>();
  for (const [source, locked] of Object.entries(lock.sources)) {
    if (locked.kind === 'directory') continue;
    for (const layer of locked.layers)
      if (!layers.has(layer.diffId)) layers.set(layer.diffId, { ...layer, source });
  }
  const fetch = [...layers.values()].filter(({ diffId }) => !isDirectory(store.paths.layer(diffId)));
  const made = new Set(fetch.map((layer) => `${store.paths.layer(layer.diffId)}/${layer.source}`));
  const compose = new Map<string, PlannedTree>();
  for (const [source, locked] of Object.entries(lock.sources)) {
    const directory = sourceDirectory(store, source, locked);
    if (locked.kind === 'directory' || made.has(directory) || isDirectory(directory)) continue;
    compose.set(directory, { directory, diffIds: locked.layers.map((layer) => layer.diffId) });
  }
  const id = lockId(lock);
  const installed = readable(`${store.paths.engineActive(lock.name)}/engine.json`);
  return {
    lock,
    id,
    fetch,
    present: [...layers.values()].filter((layer) => !fetch.includes(layer)),
    compose: [...compose.values()],
    fetchBytes: fetch.reduce((sum, layer) => sum + layer.descriptor.size, 0),
    upToDate: installed?.id === id && fetch.length === 0 && compose.size === 0,
  };
}

/**
 * The directory in which a source's files stand, once it is installed. Its last component is the source's name: executors
 * print it, and some read it.
 */
export function sourceDirectory(store: Store, name: string, source: LockedSource): string {
  return source.kind === 'directory' ? source.path : `${sourceHome(store, source)}/${name}`;
}

/** What holds a source's files under each name that it is used by: the layer itself where there is just one, else a tree. */
export function sourceHome(store: Store, { layers }: LockedImage): string {
  const [only, ...more] = layers;
  if (only === undefined) return store.paths.tree(emptyTree);
  return more.length === 0
    ? store.paths.layer(only.diffId)
    : store.paths.tree(chainId(layers.map((layer) => layer.diffId)));
}

/** A source that is not a directory. */
type LockedImage = Exclude<LockedSource, { kind: 'directory' }>;

/** The tree of an image without layers gets the digest of nothing. */
const emptyTree = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' as Digest;

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A damaged record does not stand in the way of the install that repairs it. */
function readable(path: string) {
  try {
    return readEngineFile(path);
  } catch {
    return undefined;
  }
}
