import { chmodSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ByteStream, type ContentStore, counted, mapLimited, shortDigest } from '../content/index.js';
import type { EngineLock } from '../engine/index.js';
import { EngineshedError, inOperation } from '../errors/index.js';
import { publishDirectory, uniqueSuffix, writeNewFile } from '../files/index.js';
import {
  type AppliedLayer,
  applyLayer,
  composeTree,
  type RecordedEntry,
  removeTree,
} from '../layer/index.js';
import type { Digest } from '../oci/index.js';
import type { Admission } from '../trust/admission.js';
import { keepContent, type Remembered } from './content.js';
import { makeOwnDirectory, standsAsDirectory } from './directory.js';
import { installState } from './install-state.js';
import { InventoryFile, inventoryPath } from './inventory.js';
import { consent, formatLayer, layerNames, readLayer, type StoredLayer } from './layer.js';
import { refuseGone } from './linked.js';
import { readLinks } from './links.js';
import { isMarked, unmark } from './mark.js';
import { nothingKept, type Resumption, resumably } from './partial.js';
import { type InstallPlan, type PlannedLayer, type PlannedTree, planInstall } from './plan.js';
import type { InstalledEngine } from './record.js';
import { keepReserve } from './reserve.js';
import { refuseForeignShims } from './shims.js';
import { homeLock, rootMode } from './source.js';
import type { StateInputs } from './state.js';
import { type Store, type Transaction, transaction, withLock } from './store.js';

/** How many layers are fetched and written at the same time. */
const concurrentLayers = 4;

/** What an install needs beside its plan. */
export interface InstallInputs extends StateInputs {
  /** Where the layers of a source come from. */
  readonly content: (source: string) => Pick<ContentStore, 'fetch'>;
  /** Manifests and configs that resolving fetched. */
  readonly remembered: Remembered;
  /** Which images may come in. */
  readonly admission: Admission;
}

/** What an install did. */
export interface InstallResult {
  readonly engine: InstalledEngine;
  /** What was carried out: the plan that was given, unless the store changed since it was made. */
  readonly plan: InstallPlan;
}

/**
 * Carries out a plan. Layers that another process is fetching are waited for, not fetched again. The engine's name leads to
 * its earlier state until everything stands complete and verified, and then, in one step, to the new one.
 * @throws EngineshedError what fetching and applying a layer throws, `PATH_NOT_FOUND` for a part or a source directory that
 * does not exist, `NAME_INVALID`, `DISK_FULL`, `FILE_PERMISSION`, `FILE_IN_THE_WAY`
 */
export async function applyInstall(
  store: Store,
  { lock, naming }: InstallPlan,
  inputs: InstallInputs,
): Promise<InstallResult> {
  refuseUnadmitted(lock, inputs.admission);
  return transaction(store, `install ${lock.name}`, async (running) => {
    // From here on nothing is collected; before, an uninstall may have taken what the plan relies on.
    const plan = planInstall(store, lock, naming);
    refuseForeignShims(store.paths, lock.commands ?? []);
    refuseGone(lock.name, readLinks(store.paths, lock.name));
    await installContent(store, running, plan, inputs.content);
    keepContent(store, running, inputs.remembered);
    const engine = await withLock(store, `engine-${lock.name}`, 'exclusive', async () =>
      installState(store, running, plan, inputs),
    );
    keepReserve(store.paths);
    return { engine, plan };
  });
}

/** Makes sure that somebody looked at each image: `INTERNAL` where one was forgotten. */
export function refuseUnadmitted({ name, sources }: EngineLock, admission: Admission): void {
  for (const [source, locked] of Object.entries(sources)) {
    if (locked.kind === 'directory' || admission.covers(locked.manifest.digest)) continue;
    throw new EngineshedError('INTERNAL', `Nobody looked whether ${source} of ${name} may come in`);
  }
}

/**
 * Fetches the layers of a plan and makes its trees.
 * @param renew layers that are made anew though they stand
 * @throws EngineshedError as {@link applyInstall} does
 */
export async function installContent(
  store: Store,
  running: Transaction,
  plan: InstallPlan,
  content: InstallInputs['content'],
  renew: ReadonlySet<Digest> = new Set(),
): Promise<void> {
  const { lock } = plan;
  await mapLimited(plan.fetch, concurrentLayers, (layer) =>
    installLayer(store, running, { lock, layer, content, renew }),
  );
  for (const tree of plan.compose) await installTree(store, running, tree);
}

interface LayerInputs extends Pick<InstallInputs, 'content'> {
  readonly lock: EngineLock;
  readonly layer: PlannedLayer;
  readonly renew: ReadonlySet<Digest>;
}

async function installLayer(
  store: Store,
  { staging }: Transaction,
  { lock, layer, content: contentOf, renew }: LayerInputs,
): Promise<void> {
  const { descriptor, diffId, source } = layer;
  const home = store.paths.layer(diffId);
  const about = {
    id: diffId,
    label: `${lock.name}/${source} ${shortDigest(descriptor.digest)}`,
    total: descriptor.size,
  };
  const fetch = async (resumption: Resumption, directory: string) => {
    const { beginning } = resumption;
    const content = await contentOf(source).fetch(descriptor, { beginning });
    const applied = await writeLayer(
      resumption.keep(counted(content, about, store.report)),
      layer,
      directory,
    );
    for (const message of applied.warnings)
      store.report({ type: 'warning', message: `${about.label}: ${message}` });
    await keepNames(home, directory, source);
    makeOwnDirectory(dirname(home));
    takeAway(home, `${staging}/damaged-${uniqueSuffix()}`);
    publishDirectory(directory, home);
  };
  const attempt = async (resumption: Resumption) => {
    const directory = `${staging}/layer-${uniqueSuffix()}`;
    try {
      await fetch(resumption, directory);
    } catch (error) {
      // Not only at the end of all: on a full disk the next attempt needs the room. What cannot be removed now goes then.
      await removeTree(directory).catch(() => {});
      throw error;
    }
  };
  await withLock(store, homeLock(store.paths, home), 'exclusive', async () => {
    if (!renew.has(diffId) && readLayer(home) !== undefined) {
      store.report({ type: 'present', ...about });
      return;
    }
    try {
      // What lies in an image layout on this machine need not be kept twice.
      if (lock.sources[source]?.kind === 'image') await resumably(store, layer, about.label, attempt);
      else await attempt(nothingKept);
    } catch (error) {
      throw inOperation(`Installing ${about.label}`, error);
    }
    store.report({ type: 'transferred', action: 'fetched', ...about });
  });
}

/** Makes the directory of a layer from its blob. */
async function writeLayer(stream: ByteStream, layer: PlannedLayer, directory: string): Promise<AppliedLayer> {
  const { descriptor, diffId, source } = layer;
  const files = `${directory}/${source}`;
  mkdirSync(files, { recursive: true, mode: 0o755 });
  const list = new InventoryFile(inventoryPath(directory));
  let applied: AppliedLayer;
  let inventory: Digest;
  try {
    const record = (entry: RecordedEntry) => list.add(entry);
    applied = await applyLayer(stream, layer, files, { externalLinks: consent(descriptor), record });
    inventory = list.finish();
  } finally {
    list.close();
  }
  const { whiteouts, opaques, entries, bytes } = applied;
  const record = { diffId, descriptor, entries, bytes, whiteouts, opaques, name: source, inventory };
  // Last: what is changed later can be told by its time.
  writeNewFile(`${directory}/layer.json`, formatLayer(record));
  // Like the directories in it; a directory that is not to be written to can still be moved with the one around it.
  chmodSync(files, rootMode);
  return applied;
}

/** Gives the files of a layer that is made anew the other names that they have: engines need them. */
async function keepNames(home: string, directory: string, own: string): Promise<void> {
  if (!standsAsDirectory(home)) return;
  for (const name of layerNames(home).filter((other) => other !== own)) {
    mkdirSync(`${directory}/${name}`, { mode: 0o755 });
    const externalLinks = 'inert'; // They were checked when the layer was extracted.
    await composeTree([{ root: `${directory}/${own}`, whiteouts: [], opaques: [] }], `${directory}/${name}`, {
      externalLinks,
    });
    chmodSync(`${directory}/${name}`, rootMode);
  }
}

async function installTree(store: Store, { staging }: Transaction, tree: PlannedTree): Promise<void> {
  const directory = `${staging}/tree-${uniqueSuffix()}`;
  const home = dirname(tree.directory);
  mkdirSync(directory, { mode: 0o755 });
  const layers = tree.diffIds.map((diffId) => layerInStore(store.paths.layer(diffId)));
  const externalLinks = layers.some((layer) => layer.externalLinks === 'inert') ? 'inert' : 'reject';
  await composeTree(layers, directory, { externalLinks });
  makeOwnDirectory(dirname(home));
  makeOwnDirectory(home);
  await withLock(store, homeLock(store.paths, home), 'exclusive', async () => {
    const wasDamaged = isMarked(tree.directory);
    if (wasDamaged) takeAway(tree.directory, `${staging}/damaged-${uniqueSuffix()}`);
    publishDirectory(directory, tree.directory);
    // Only now: a directory that its owner may not write to cannot be moved elsewhere. Who was killed before it has left that to us.
    chmodSync(tree.directory, rootMode);
    if (wasDamaged) unmark(tree.directory);
  });
}

/** Moves what is damaged out of its place, if anything is there. */
function takeAway(path: string, to: string): void {
  try {
    // A directory that its owner may not write to cannot be moved elsewhere.
    if (lstatSync(path).isDirectory()) chmodSync(path, 0o755);
    renameSync(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function layerInStore(home: string): StoredLayer {
  const layer = readLayer(home);
  if (layer !== undefined) return layer;
  throw new EngineshedError('STORE_CORRUPT', `The layer ${home} is damaged`, {
    hint: 'Try again.',
    details: { path: home },
  });
}
