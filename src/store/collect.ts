import { lstatSync, renameSync, rmSync } from 'node:fs';
import { inOperation } from '../errors/index.js';
import { uniqueSuffix } from '../files/index.js';
import { removeTree } from '../layer/index.js';
import { isDigest } from '../oci/index.js';
import { claimedStates, type StateName } from './claims.js';
import { entriesOf } from './directory.js';
import { readHistory, readSelections } from './history.js';
import { readLayer } from './layer.js';
import { statesWith, sweepLinks } from './links.js';
import { partialBytes, removePartials } from './partial.js';
import type { StorePaths } from './paths.js';
import { type FoundProjects, findProjects, keepProjects } from './projects.js';
import { engineNames, engineStates, readEngineFile } from './record.js';
import { settleShims } from './shims.js';
import { sourceHome } from './source.js';
import type { Store } from './store.js';

/** What a collection will remove. Plain data; `--dry-run` prints it. */
export interface CollectionPlan {
  /** Generations that cannot be gone back to afterwards. */
  readonly generations: readonly number[];
  /** The locks of projects that were not found for so long that nothing is kept for them any more. */
  readonly projects: readonly string[];
  /** States of engines that no name, no kept generation and no project needs. */
  readonly states: readonly StateName[];
  /** Layers that no kept state needs, with the bytes of their files. */
  readonly layers: readonly { readonly diffId: string; readonly bytes: number }[];
  /** How many trees no kept state needs; they are hard links and free nothing. */
  readonly trees: number;
  /** How many manifests and configs no kept state needs. */
  readonly blobs: number;
  /** What interrupted downloads have left, in bytes. */
  readonly partialBytes: number;
  /** What will be free afterwards, in bytes of content. */
  readonly freedBytes: number;
}

/**
 * How much of the history is kept: `all`, or how many of the latest generations; what the names stand for now is always kept. What
 * interrupted downloads have left goes only with a number.
 */
export type KeptGenerations = 'all' | number;

/**
 * Plans to remove what no name, no kept generation and no project needs. Reads the store, writes nothing.
 * @param without engines that will be uninstalled before
 * @throws EngineshedError `STORE_CORRUPT` where a record that decides is damaged, `STORE_VERSION`, `FILE_IN_THE_WAY`
 */
export function planCollection(
  store: Store,
  keep: KeptGenerations,
  without: readonly string[] = [],
): CollectionPlan {
  const { paths } = store;
  const found = findUnneeded(store, keep, without);
  const layers = found.layers.map(([home, diffId]) => ({ diffId, bytes: readLayer(home)?.bytes ?? 0 }));
  const blobBytes = found.blobs.map(([file]) => lstatSync(file, { throwIfNoEntry: false })?.size ?? 0);
  const partial = keep === 'all' ? 0 : partialBytes(paths);
  return {
    generations: found.generations,
    projects: found.projects?.forgotten ?? [],
    states: found.states,
    layers,
    trees: found.trees.length,
    blobs: found.blobs.length,
    partialBytes: partial,
    freedBytes: sum(layers.map(({ bytes }) => bytes)) + sum(blobBytes) + partial,
  };
}

/**
 * Removes what no name, no kept generation and no project needs: first what leads to content, then the content. The caller has the store for
 * itself, so nothing is being installed.
 * @throws EngineshedError as {@link planCollection} does, `FILE_PERMISSION`
 */
export async function collect(store: Store, keep: KeptGenerations): Promise<CollectionPlan> {
  const { paths } = store;
  const plan = planCollection(store, keep);
  const { trees, blobs, signed, layers, projects } = findUnneeded(store, keep, []);
  try {
    if (projects !== undefined) keepProjects(paths, projects);
    for (const number of plan.generations) rmSync(`${paths.history}/${number}.json`, { force: true });
    for (const { name, id } of plan.states) await discard(store, paths.engineState(name, id));
    for (const name of engineNames(paths)) {
      sweepLinks(paths, name);
      await discardEmptyEngine(store, name);
    }
    for (const [directory] of trees) await discard(store, directory);
    for (const [file] of [...blobs, ...signed]) rmSync(file, { force: true });
    for (const [directory] of layers) await discard(store, directory);
    if (keep !== 'all') removePartials(paths);
    // Nobody else changes the store now.
    await settleShims(store, { staging: paths.staging }, (settle) => settle());
    return plan;
  } catch (error) {
    throw inOperation('Removing what no engine needs', error);
  }
}

/**
 * Removes one state, unless a name, a generation, a project or a living process needs it; its content stays for a collection. The caller has the
 * lock of the engine.
 */
export async function dropState(store: Store, { name, id }: StateName): Promise<void> {
  const home = store.paths.engineState(name, id);
  if (lstatSync(home, { throwIfNoEntry: false }) === undefined) return;
  if (rootStates(store, [], findProjects(store.paths, store.now())).has(`${name}/${id}`)) return;
  await discard(store, home);
  await discardEmptyEngine(store, name);
}

type Found = readonly [path: string, digest: string];

interface Unneeded {
  /** Undefined where all states are kept. */
  readonly projects: FoundProjects | undefined;
  readonly generations: readonly number[];
  readonly states: readonly StateName[];
  readonly trees: readonly Found[];
  readonly blobs: readonly Found[];
  /** Statements about images that no kept state needs. */
  readonly signed: readonly Found[];
  readonly layers: readonly Found[];
}

function findUnneeded(store: Store, keep: KeptGenerations, without: readonly string[]): Unneeded {
  const { paths } = store;
  const generations = forgotten(paths, keep, without.length > 0 ? 'one more' : 'as it is');
  const names = engineNames(paths).filter((name) => !without.includes(name));
  const all = names.flatMap((name) => engineStates(paths, name).map((id) => ({ name, id })));
  const projects = keep === 'all' ? undefined : findProjects(paths, store.now());
  const roots = projects === undefined ? undefined : rootStates(store, generations, projects);
  const isRoot = ({ name, id }: StateName) => roots === undefined || roots.has(`${name}/${id}`);
  const homes = new Set<string>();
  const needed = new Set<string>();
  for (const { name, id } of all.filter(isRoot)) {
    const engine = readEngineFile(`${paths.engineState(name, id)}/engine.json`);
    for (const source of Object.values(engine?.sources ?? {})) {
      if (source.kind === 'directory') continue;
      homes.add(sourceHome(paths, source));
      for (const digest of [source.resolved, source.manifest.digest, source.config.digest])
        needed.add(digest);
      for (const layer of source.layers) needed.add(layer.diffId);
    }
  }
  return {
    projects,
    generations,
    states: all.filter((state) => !isRoot(state)),
    trees: content(paths.trees).filter(([home, digest]) => !homes.has(home) && isDigest(digest)),
    blobs: content(paths.blobs).filter(([, digest]) => !needed.has(digest)),
    signed: content(paths.signedImages).filter(([, digest]) => !needed.has(digest)),
    layers: content(paths.layers).filter(([, digest]) => !needed.has(digest)),
  };
}

/** The generations beyond the latest; that at which the store is stays. An uninstall before makes one more, and the store is there. */
function forgotten(paths: StorePaths, keep: KeptGenerations, history: 'as it is' | 'one more'): number[] {
  if (keep === 'all') return [];
  const { generations, position } = readHistory(paths);
  const numbers = generations.map(({ number }) => number);
  const kept = history === 'one more' ? keep - 1 : keep;
  return numbers
    .slice(0, Math.max(0, numbers.length - kept))
    .filter((number) => history === 'one more' || number !== position);
}

/** The states that names, generations that are not forgotten, projects, and living processes need, as `NAME/ID`. */
function rootStates(
  store: Store,
  forgottenGenerations: readonly number[],
  { needed }: FoundProjects,
): Set<string> {
  const { paths } = store;
  const kept = readHistory(paths).generations.filter(({ number }) => !forgottenGenerations.includes(number));
  const named = [readSelections(paths), ...kept].flatMap(({ engines }) => Object.entries(engines));
  const roots = new Set([
    ...named.map(([name, id]) => `${name}/${id}`),
    ...needed.map(({ engine, id }) => `${engine}/${id}`),
    ...claimedStates(store).map(({ name, id }) => `${name}/${id}`),
  ]);
  // What is added here needs nothing more: a state that stands in for one has none that stands in for it.
  for (const root of [...roots]) {
    const [name = '', id = ''] = root.split('/');
    for (const other of statesWith(paths, name, id)) roots.add(`${name}/${other}`);
  }
  return roots;
}

/** Out of its place in one step, so that no half of it is ever found there; then away. */
async function discard(store: Store, path: string): Promise<void> {
  const grave = `${store.paths.staging}/removed-${uniqueSuffix()}`;
  renameSync(path, grave);
  await removeTree(grave);
}

/** An engine that is not installed, and none of whose states is left, leaves no name behind. */
async function discardEmptyEngine(store: Store, name: string): Promise<void> {
  const { paths } = store;
  const isActive = lstatSync(paths.engineActive(name), { throwIfNoEntry: false }) !== undefined;
  if (!isActive && engineStates(paths, name).length === 0) await discard(store, paths.engine(name));
}

/** The entries `algorithm/hex` of a directory of the store, each with its digest. */
function content(directory: string): Found[] {
  return (['sha256', 'sha512'] as const).flatMap((algorithm) =>
    entriesOf(`${directory}/${algorithm}`).map(
      (hex): Found => [`${directory}/${algorithm}/${hex}`, `${algorithm}:${hex}`],
    ),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
