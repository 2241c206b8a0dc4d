import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, sep } from 'node:path';
import { type ContentStore, counted, mapLimited, shortDigest } from '../content/index.js';
import {
  type EngineLock,
  engineEnvironment,
  type LockedSource,
  type PartDefinition,
  renderEnvironment,
} from '../engine/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../errors/index.js';
import { publishDirectory, replaceLink, syncDirectory, uniqueSuffix, writeNewFile } from '../files/index.js';
import { applyLayer, composeTree, removeTree } from '../layer/index.js';
import { annotationKeys, type Descriptor, type Digest, parseJson } from '../oci/index.js';
import { keepContent, type Remembered } from './content.js';
import { type InstallPlan, type PlannedLayer, type PlannedTree, sourceDirectory } from './plan.js';
import { contractVersion, type InstalledEngine, readEngineFile } from './record.js';
import { type Store, type Transaction, transaction, withLock } from './store.js';

/** How many layers are fetched and written at the same time. */
const concurrentLayers = 4;

/** What an install needs beside its plan. */
export interface InstallInputs {
  /** Where the layers of a source come from. */
  readonly content: (source: string) => Pick<ContentStore, 'fetch'>;
  /** Manifests and configs that resolving fetched. */
  readonly remembered: Remembered;
  /** The operating system that the environment is for, as `process.platform` names it. */
  readonly platform: string;
  /** The present time. */
  readonly now: Date;
}

/**
 * Carries out a plan. Layers that another process is fetching are waited for, not fetched again. The engine's name leads to
 * its earlier state until everything stands complete and verified, and then, in one step, to the new one.
 * @throws EngineshedError what fetching and applying a layer throws, `PATH_NOT_FOUND` for a part or a source directory that
 * does not exist, `DISK_FULL`, `FILE_PERMISSION`
 */
export async function applyInstall(
  store: Store,
  plan: InstallPlan,
  inputs: InstallInputs,
): Promise<InstalledEngine> {
  return transaction(store, async (running) => {
    await mapLimited(plan.fetch, concurrentLayers, (layer) =>
      installLayer(store, running, plan.lock, layer, inputs),
    );
    for (const tree of plan.compose) await installTree(store, running, tree);
    keepContent(store, running, inputs.remembered);
    return withLock(store, `engine-${plan.lock.name}`, 'exclusive', async () =>
      installState(store, running, plan, inputs),
    );
  });
}

async function installLayer(
  store: Store,
  { staging }: Transaction,
  lock: EngineLock,
  layer: PlannedLayer,
  inputs: InstallInputs,
): Promise<void> {
  const { descriptor, diffId, source } = layer;
  const home = store.paths.layer(diffId);
  const about = {
    id: diffId,
    label: `${lock.name}/${source} ${shortDigest(descriptor.digest)}`,
    total: descriptor.size,
  };
  await withLock(store, `layer-${diffId.slice(diffId.indexOf(':') + 1)}`, 'exclusive', async () => {
    if (isDirectory(home)) {
      store.report({ type: 'present', ...about });
      return;
    }
    const directory = `${staging}/layer-${uniqueSuffix()}`;
    try {
      mkdirSync(`${directory}/${source}`, { recursive: true, mode: 0o755 });
      const stream = counted(await inputs.content(source).fetch(descriptor), about, store.report);
      const applied = await applyLayer(stream, layer, `${directory}/${source}`, {
        externalLinks: consent(descriptor),
      });
      for (const message of applied.warnings)
        store.report({ type: 'warning', message: `${about.label}: ${message}` });
      const { whiteouts, opaques, entries, bytes } = applied;
      writeNewFile(
        `${directory}/layer.json`,
        JSON.stringify({ diffId, descriptor, entries, bytes, whiteouts, opaques } satisfies LayerRecord),
      );
      mkdirSync(dirname(home), { recursive: true, mode: 0o755 });
      publishDirectory(directory, home);
    } catch (error) {
      throw inOperation(`Installing ${about.label}`, error);
    }
    store.report({ type: 'transferred', ...about });
  });
}

async function installTree(store: Store, { staging }: Transaction, tree: PlannedTree): Promise<void> {
  const directory = `${staging}/tree-${uniqueSuffix()}`;
  mkdirSync(directory, { mode: 0o755 });
  const layers = tree.diffIds.map((diffId) => layerInStore(store.paths.layer(diffId)));
  const externalLinks = layers.some((layer) => layer.externalLinks === 'inert') ? 'inert' : 'reject';
  await composeTree(layers, directory, { externalLinks });
  mkdirSync(dirname(tree.directory), { recursive: true, mode: 0o755 });
  if (publishDirectory(directory, tree.directory) === 'exists') await removeTree(directory);
  // Only now: a directory that its owner may not write to cannot be moved elsewhere.
  else chmodSync(tree.directory, 0o555);
}

/** A layer, by its files under whichever name it has them. */
function layerInStore(home: string) {
  const [name] = readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (name === undefined) {
    throw new EngineshedError('STORE_CORRUPT', `The layer ${home} has no files`, { details: { path: home } });
  }
  const said = parseJson(readFileSync(`${home}/layer.json`), `file ${home}/layer.json`) as LayerRecord;
  return { root: `${home}/${name.name}`, externalLinks: consent(said.descriptor), ...said };
}

/** `layer.json`: what a layer says beside its files. */
interface LayerRecord {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
  readonly entries: number;
  /** The content of the files, in bytes. */
  readonly bytes: number;
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
}

/** Whether the publisher of a layer consents to links that lead out of it (A04). */
function consent(layer: Descriptor): 'inert' | 'reject' {
  return layer.annotations?.[annotationKeys.externalLinks] === 'inert' ? 'inert' : 'reject';
}

function installState(
  store: Store,
  { staging }: Transaction,
  plan: InstallPlan,
  inputs: InstallInputs,
): InstalledEngine {
  const { lock, id } = plan;
  const home = store.paths.engineState(lock.name, id);
  let engine = readState(home);
  if (engine === undefined) {
    engine = describeEngine(store, plan, inputs);
    const directory = `${staging}/engine`;
    writeState(engine, directory);
    mkdirSync(store.paths.engine(lock.name), { recursive: true, mode: 0o755 });
    if (isDirectory(home)) renameSync(home, `${staging}/damaged`);
    publishDirectory(directory, home);
  }
  replaceLink(store.paths.engineActive(lock.name), id, staging);
  syncDirectory(store.paths.engines);
  return engine;
}

/** A damaged record is made anew. */
function readState(home: string): InstalledEngine | undefined {
  try {
    return readEngineFile(`${home}/engine.json`);
  } catch (error) {
    if (isEngineshedError(error, 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}

function describeEngine(store: Store, { lock, id }: InstallPlan, inputs: InstallInputs): InstalledEngine {
  const directories = new Map(
    Object.entries(lock.sources).map(([name, source]) => [name, sourceDirectory(store, name, source)]),
  );
  const parts = lock.parts.map((part) => ({
    ...part,
    directory: partDirectory(lock.name, part, directories.get(part.source) ?? ''),
  }));
  const byType = new Map(parts.map((part) => [part.type, part.directory]));
  const sources = Object.entries(lock.sources).map(([name, source]) => [
    name,
    { ...source, directory: directories.get(name) ?? '' } satisfies LockedSource & { directory: string },
  ]);
  return {
    contract: contractVersion,
    name: lock.name,
    id,
    installed: inputs.now.toISOString(),
    description: lock.description,
    kind: lock.kind,
    catalog: lock.catalog,
    sources: Object.fromEntries(sources),
    parts,
    environment: engineEnvironment(lock, (part) => byType.get(part.type) ?? '', inputs.platform),
  };
}

/** The real path of a part; what a link in a source leads out of it to is no part of it. */
function partDirectory(engine: string, part: PartDefinition, source: string): string {
  const path = part.path === '.' ? source : `${source}/${part.path}`;
  const what = `The part ${part.type} of ${engine} should be "${part.path}" in its source ${part.source}`;
  try {
    const root = realpathSync(source);
    const real = realpathSync(path);
    if (real === root || real.startsWith(root + sep)) return real;
  } catch (cause) {
    throw new EngineshedError('PATH_NOT_FOUND', `${what}, which has no such path`, {
      hint: 'Correct the path in the catalog, or install a build that has it.',
      cause,
      details: { path },
    });
  }
  throw new EngineshedError('LAYER_UNSAFE', `${what}, and leads out of it`, { details: { path } });
}

function writeState(engine: InstalledEngine, directory: string): void {
  mkdirSync(`${directory}/parts`, { recursive: true, mode: 0o755 });
  mkdirSync(`${directory}/sources`, { mode: 0o755 });
  for (const part of engine.parts) symlinkSync(part.directory, `${directory}/parts/${part.type}`);
  for (const [name, source] of Object.entries(engine.sources))
    symlinkSync(source.directory, `${directory}/sources/${name}`);
  writeNewFile(`${directory}/env`, renderEnvironment(engine.environment, 'sh'));
  writeNewFile(`${directory}/engine.json`, `${JSON.stringify(engine, null, 2)}\n`);
  for (const made of [`${directory}/parts`, `${directory}/sources`, directory]) syncDirectory(made);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
