import { lstatSync, readdirSync } from 'node:fs';
import { checkFiles, checkTree } from '../layer/index.js';
import type { Digest } from '../oci/index.js';
import type { FaultList } from './faults.js';
import { digestInventory, inventoryPath, readInventory } from './inventory.js';
import { layerNames, readLayerRecord, readStandingLayer, type StoredLayer } from './layer.js';
import { isMarked } from './mark.js';
import { orNothing } from './or-nothing.js';
import { rootMode } from './source.js';

/** `full` reads every file, `fast` only those that changed after their layer was recorded. */
export type VerifyMode = 'full' | 'fast';

/** What a check of a layer found, beside its faults. */
export interface CheckedLayer {
  /** The names whose directories are damaged, or missing. */
  readonly damaged: readonly string[];
  /** The names whose directories are whole. */
  readonly whole: readonly string[];
  /** Whether nothing is recorded of its files, as in early stores, so that their content could not be checked. */
  readonly unrecorded: boolean;
}

/**
 * Checks one layer: its record, the list of its files, every file, and the other names that its files have.
 * @param needed the names that engines need it under
 * @param onFile called for each file, with how many bytes of it were read
 */
export async function checkLayer(
  home: string,
  diffId: Digest,
  needed: ReadonlySet<string>,
  mode: VerifyMode,
  faults: FaultList,
  onFile: (bytes: number) => void,
): Promise<CheckedLayer> {
  const names = [...new Set([...(orNothing(() => layerNames(home)) ?? []), ...needed])];
  const layer = findLayer(home, diffId, faults);
  if (layer === undefined) return { damaged: names, whole: [], unrecorded: false };
  tellExtras(home, faults);
  const unrecorded = layer.inventory === undefined;
  if (!unrecorded) await checkRecorded(home, layer, mode, faults, onFile);
  if (faults.count > 0) return { damaged: names, whole: [], unrecorded };
  const own = layer.root.slice(home.length + 1);
  const damaged: string[] = [];
  for (const name of names.filter((other) => other !== own)) {
    const before = faults.count;
    await checkTree([{ root: layer.root, whiteouts: [], opaques: [] }], `${home}/${name}`, {
      rootMode,
      onFault: (fault) => faults.add(join(name, fault.path), fault),
      onFile,
    });
    if (faults.count > before) damaged.push(name);
  }
  return { damaged, whole: names.filter((name) => !damaged.includes(name)), unrecorded };
}

/** The layer, where it can be checked; tells why not. */
function findLayer(home: string, diffId: Digest, faults: FaultList): StoredLayer | undefined {
  const stat = lstatSync(home, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) {
    faults.add('', stat === undefined ? { fault: 'missing' } : { fault: 'kind', expected: 'directory' });
    return undefined;
  }
  const record = orNothing(() => readLayerRecord(`${home}/layer.json`));
  if (record === undefined || record.diffId !== diffId) {
    const standing = lstatSync(`${home}/layer.json`, { throwIfNoEntry: false });
    faults.add('layer.json', { fault: standing === undefined ? 'missing' : 'content' });
    return undefined;
  }
  const layer = readStandingLayer(home);
  if (layer === undefined) {
    const root = record.name ?? '';
    const standing = lstatSync(`${home}/${root}`, { throwIfNoEntry: false });
    const gone = standing === undefined || root === '';
    faults.add(root, gone ? { fault: 'missing' } : { fault: 'kind', expected: 'directory' });
  }
  return layer;
}

function tellExtras(home: string, faults: FaultList): void {
  const own = new Set(['layer.json', '.inventory']);
  for (const entry of readdirSync(home, { withFileTypes: true })) {
    if (entry.isDirectory() || own.has(entry.name) || entry.name.startsWith('.damaged-')) continue;
    faults.add(entry.name, { fault: 'extra' });
  }
}

async function checkRecorded(
  home: string,
  layer: StoredLayer,
  mode: VerifyMode,
  faults: FaultList,
  onFile: (bytes: number) => void,
): Promise<void> {
  const inventory = inventoryPath(home);
  const digest = orNothing(() => digestInventory(inventory));
  if (digest !== layer.inventory) {
    const standing = lstatSync(inventory, { throwIfNoEntry: false });
    faults.add('.inventory', { fault: standing === undefined ? 'missing' : 'content' });
    return;
  }
  // What a full check found, a fast one may not see.
  const everything = mode === 'full' || isMarked(layer.root);
  const recordedMs = lstatSync(`${home}/layer.json`).mtimeMs;
  const own = layer.root.slice(home.length + 1);
  await checkFiles(layer.root, () => readInventory(inventory), {
    rootMode,
    mustRead: (changedMs) => everything || changedMs > recordedMs,
    onFault: (fault) => faults.add(join(own, fault.path), fault),
    onFile,
  });
}

function join(name: string, path: string): string {
  return path === '' ? name : `${name}/${path}`;
}
