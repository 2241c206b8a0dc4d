import { statSync } from 'node:fs';
import { lockId } from '../engine/index.js';
import type { EngineLock, LockedLayer } from '../engine/types.js';
import { chainId, type Digest } from '../oci/index.js';
import { readEngineFile } from './record.js';
import type { Store } from './store.js';

/** A layer that an install has to fetch, and the source that it is fetched from. */
export interface PlannedLayer extends LockedLayer {
  readonly source: string;
}

/** A tree that an install has to put together from layers. */
export interface PlannedTree {
  readonly chainId: Digest;
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
  const trees = new Map<Digest, PlannedTree>();
  for (const [source, locked] of Object.entries(lock.sources)) {
    if (locked.kind === 'directory') continue;
    for (const layer of locked.layers)
      if (!layers.has(layer.diffId)) layers.set(layer.diffId, { ...layer, source });
    if (locked.layers.length === 1) continue;
    const diffIds = locked.layers.map((layer) => layer.diffId);
    const chain = treeId(diffIds);
    if (!isDirectory(`${store.paths.tree(chain)}/root`)) trees.set(chain, { chainId: chain, diffIds });
  }
  const has = ({ diffId }: LockedLayer) => isDirectory(`${store.paths.layer(diffId)}/root`);
  const fetch = [...layers.values()].filter((layer) => !has(layer));
  const id = lockId(lock);
  const installed = readable(`${store.paths.engineActive(lock.name)}/engine.json`);
  return {
    lock,
    id,
    fetch,
    present: [...layers.values()].filter(has),
    compose: [...trees.values()],
    fetchBytes: fetch.reduce((sum, layer) => sum + layer.descriptor.size, 0),
    upToDate: installed?.id === id && fetch.length === 0 && trees.size === 0,
  };
}

/** The directory in which a source's files stand, once it is installed: a layer's own where there is just one. */
export function sourceDirectory(store: Store, source: EngineLock['sources'][string]): string {
  if (source.kind === 'directory') return source.path;
  const [only, ...more] = source.layers;
  if (only !== undefined && more.length === 0) return `${store.paths.layer(only.diffId)}/root`;
  return `${store.paths.tree(treeId(source.layers.map((layer) => layer.diffId)))}/root`;
}

/** The chain ID; an image without layers has the empty tree, which gets the digest of nothing. */
function treeId(diffIds: readonly Digest[]): Digest {
  return diffIds.length === 0 ? emptyTree : chainId(diffIds);
}

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
