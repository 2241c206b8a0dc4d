import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { EngineshedError, inOperation } from '../errors/index.js';
import { syncDirectory, uniqueSuffix } from '../files/index.js';
import { removeTree } from '../layer/index.js';
import { isDigest } from '../oci/index.js';
import { engineNames, engineStates, readCurrent, readEngineFile } from './record.js';
import { sourceHome } from './source.js';
import { ifUnlocked, type Store, transaction, withLock } from './store.js';

/** What to do when the engine to be removed is the active one. */
export type WhenActive = 'refuse' | 'deactivate';

/** What an uninstall did. */
export interface UninstallResult {
  /** Whether the engine was the active one; then none is active now. */
  readonly wasActive: boolean;
  /** How many layers no installed engine needs any more, and were removed. */
  readonly removedLayers: number;
  /** Whether the removal of layers was left to the next uninstall, because another process changes the store. */
  readonly collectionDeferred: boolean;
}

/**
 * Removes an engine and what no other engine needs.
 * @throws EngineshedError `ENGINE_NOT_INSTALLED`, `ENGINE_ACTIVE`, `STORE_CORRUPT` where another engine's record is damaged
 * (then nothing is collected), `FILE_PERMISSION`
 */
export async function uninstall(
  store: Store,
  name: string,
  whenActive: WhenActive,
): Promise<UninstallResult> {
  const { paths } = store;
  if (!engineNames(paths).includes(name)) throw notInstalled(name);
  let wasActive = false;
  await transaction(store, `uninstall ${name}`, async ({ staging }) =>
    withLock(store, 'selection', 'exclusive', () =>
      withLock(store, `engine-${name}`, 'exclusive', async () => {
        if (!engineNames(paths).includes(name)) throw notInstalled(name);
        wasActive = readCurrent(paths) === name;
        if (wasActive && whenActive === 'refuse') {
          throw new EngineshedError('ENGINE_ACTIVE', `The engine ${name} is the active one`, {
            hint: 'Choose another with "engineshed use", or uninstall it with --force.',
          });
        }
        if (wasActive) rmSync(paths.current);
        renameSync(paths.engine(name), `${staging}/engine`);
        syncDirectory(paths.engines);
      }),
    ),
  );
  const removed: string[] = [];
  const collected = await ifUnlocked(store, 'store', async () => {
    removed.push(...(await collect(store)));
  });
  return { wasActive, removedLayers: removed.length, collectionDeferred: !collected };
}

/** Removes the layers, trees and blobs that no state of an engine needs; returns the layers. Needs the store for itself. */
async function collect(store: Store): Promise<string[]> {
  const { paths } = store;
  const homes = new Set<string>();
  const needed = new Set<string>();
  for (const name of engineNames(paths)) {
    for (const id of engineStates(paths, name)) {
      const engine = readEngineFile(`${paths.engineState(name, id)}/engine.json`);
      for (const source of Object.values(engine?.sources ?? {})) {
        if (source.kind === 'directory') continue;
        homes.add(sourceHome(store, source));
        for (const digest of [source.resolved, source.manifest.digest, source.config.digest])
          needed.add(digest);
        for (const layer of source.layers) needed.add(layer.diffId);
      }
    }
  }
  try {
    for (const [directory, digest] of content(paths.trees)) {
      if (!homes.has(directory) && isDigest(digest)) await discard(store, directory);
    }
    for (const [file, digest] of content(paths.blobs)) if (!needed.has(digest)) rmSync(file, { force: true });
    const unneeded = content(paths.layers).filter(([, digest]) => !needed.has(digest));
    for (const [directory] of unneeded) await discard(store, directory);
    return unneeded.map(([, digest]) => digest);
  } catch (error) {
    throw inOperation('Removing what no engine needs', error);
  }
}

/** Out of its place in one step, so that no half of it is ever found there; then away. */
async function discard(store: Store, directory: string): Promise<void> {
  const grave = `${store.paths.staging}/removed-${uniqueSuffix()}`;
  renameSync(directory, grave);
  await removeTree(grave);
}

/** The entries `algorithm/hex` of a directory of the store, each with its digest. */
function content(directory: string): [path: string, digest: string][] {
  return (['sha256', 'sha512'] as const).flatMap((algorithm) =>
    existsSync(`${directory}/${algorithm}`)
      ? readdirSync(`${directory}/${algorithm}`).map((hex): [string, string] => [
          `${directory}/${algorithm}/${hex}`,
          `${algorithm}:${hex}`,
        ])
      : [],
  );
}

function notInstalled(name: string): EngineshedError {
  return new EngineshedError('ENGINE_NOT_INSTALLED', `The engine ${name} is not installed`, {
    hint: 'See what is with: engineshed list',
  });
}
