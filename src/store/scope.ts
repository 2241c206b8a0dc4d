import { lstatSync, readdirSync } from 'node:fs';
import type { EngineLock, LockedSource } from '../engine/index.js';
import { EngineshedError } from '../errors/index.js';
import { readPointer } from '../files/index.js';
import { canonicalJson, type Digest, isDigest } from '../oci/index.js';
import { readStateLock, type StateLock } from './lock-file.js';
import { orNothing } from './or-nothing.js';
import type { StorePaths } from './paths.js';
import { engineNames, engineStates, type InstalledEngine, readEngineFile } from './record.js';
import { sourceHome } from './source.js';

/** A resolved state of an engine, with what can be read of it. */
export interface ReadState {
  readonly name: string;
  readonly id: string;
  readonly home: string;
  readonly engine: InstalledEngine | undefined;
  /** Only where it is that of this state, and whole. */
  readonly lock: EngineLock | undefined;
  /** Whether the lock has the digest that was written with it. */
  readonly lockSum: StateLock['sum'];
}

/** What engines need a layer, and under which names. */
export interface NeededLayer {
  readonly engines: Set<string>;
  readonly names: Set<string>;
}

/** A tree of several layers, lowest first, and what engines need it. */
export interface NeededTree {
  readonly diffIds: readonly Digest[];
  readonly engines: Set<string>;
}

/** What a check looks at. */
export interface Scope {
  readonly states: readonly ReadState[];
  /** By diffID. */
  readonly layers: ReadonlyMap<Digest, NeededLayer>;
  /** By directory. */
  readonly trees: ReadonlyMap<string, NeededTree>;
  /** By digest, the engines that need a manifest or config. */
  readonly blobs: ReadonlyMap<Digest, ReadonlySet<string>>;
}

/**
 * What an engine name stands for, with all that it needs; without a name every state of every engine, and layers that none needs.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `STORE_VERSION`
 */
export function readScope(paths: StorePaths, name: string | undefined): Scope {
  const states = name === undefined ? allStates(paths) : [activeState(paths, name)];
  const layers = new Map<Digest, NeededLayer>();
  const trees = new Map<string, NeededTree>();
  const blobs = new Map<Digest, Set<string>>();
  const layer = (diffId: Digest) =>
    entry(layers, diffId, (): NeededLayer => ({ engines: new Set(), names: new Set() }));
  const tree = (directory: string, diffIds: readonly Digest[]) =>
    entry(trees, directory, (): NeededTree => ({ diffIds, engines: new Set() }));
  for (const state of states) {
    for (const [sourceName, source] of Object.entries(sourcesOf(state))) {
      if (source.kind === 'directory') continue;
      const diffIds = source.layers.map(({ diffId }) => diffId);
      for (const diffId of diffIds) layer(diffId).engines.add(state.name);
      const [only, ...more] = diffIds;
      if (only !== undefined && more.length === 0) layer(only).names.add(sourceName);
      else tree(`${sourceHome(paths, source)}/${sourceName}`, diffIds).engines.add(state.name);
      for (const digest of [source.resolved, source.manifest.digest, source.config.digest])
        entry(blobs, digest, () => new Set<string>()).add(state.name);
    }
  }
  if (name === undefined) for (const diffId of standingLayers(paths)) layer(diffId);
  return { states, layers, trees, blobs };
}

/** The sources of a state, as far as anything tells them. */
function sourcesOf({ lock, engine }: ReadState): Readonly<Record<string, LockedSource>> {
  return lock?.sources ?? engine?.sources ?? {};
}

/** Whether a state that was read has been uninstalled since: it is not there, and its name does not lead there. */
export function isUninstalled(paths: StorePaths, { name, id, home }: ReadState): boolean {
  if (lstatSync(home, { throwIfNoEntry: false }) !== undefined) return false;
  return orNothing(() => readPointer(paths.engineActive(name))) !== id;
}

function allStates(paths: StorePaths): ReadState[] {
  return engineNames(paths).flatMap((name) =>
    engineStates(paths, name).map((id) => readState(paths, name, id)),
  );
}

function activeState(paths: StorePaths, name: string): ReadState {
  const id = orNothing(() => readPointer(paths.engineActive(name)));
  if (id !== undefined && engineNames(paths).includes(name)) return readState(paths, name, id);
  throw new EngineshedError('ENGINE_NOT_INSTALLED', `The engine ${name} is not installed`, {
    hint: 'See what is with: engineshed list',
  });
}

function readState(paths: StorePaths, name: string, id: string): ReadState {
  const home = paths.engineState(name, id);
  const engine = orNothing(() => readEngineFile(`${home}/engine.json`));
  const isOwn = engine?.name === name && engine.id === id;
  const record = isOwn ? engine : undefined;
  const { lock, sum } = readStateLock(home, name, id) ?? {};
  // Where the record agrees with a lock, it is the digest of the lock that is damaged.
  const isWhole = lock !== undefined && (sum === 'right' || agrees(lock, record));
  return { name, id, home, engine: record, lock: isWhole ? lock : undefined, lockSum: sum ?? 'other' };
}

function agrees({ sources }: EngineLock, engine: InstalledEngine | undefined): boolean {
  const recorded = Object.entries(engine?.sources ?? {}).map(([name, { directory: _, ...source }]) => [
    name,
    source,
  ]);
  return canonicalJson(Object.fromEntries(recorded)) === canonicalJson(sources);
}

function standingLayers(paths: StorePaths): Digest[] {
  return (['sha256', 'sha512'] as const).flatMap((algorithm) =>
    (orNothing(() => readdirSync(`${paths.layers}/${algorithm}`)) ?? [])
      .map((hex) => `${algorithm}:${hex}`)
      .filter(isDigest),
  );
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
