import { parseEngineName } from '../engine/names.js';
import { activeSelection, type Selection } from '../shim/active.js';
import {
  checkStoreVersion,
  type InstalledEngine,
  readEngine,
  type StorePaths,
  storePaths,
} from '../store/read.js';
import type { Host } from './host.js';
import { storeRoot } from './places.js';

/** The paths of the store that this run uses, whose layout version was checked. */
export function openPaths(host: Host): StorePaths {
  const paths = storePaths(storeRoot(host));
  checkStoreVersion(paths);
  return paths;
}

/** An engine that a command reads, and why it is this one. */
export interface ChosenEngine {
  readonly engine: InstalledEngine;
  readonly selection: Selection | undefined;
}

/**
 * The installed engine with a name, or else the active one.
 * @throws EngineshedError `NAME_INVALID`, `ENGINE_NONE_ACTIVE`, `ENGINE_NOT_INSTALLED`, `STORE_CORRUPT`, `STORE_VERSION`
 */
export function chooseEngine(host: Host, name: string | undefined): ChosenEngine {
  const paths = openPaths(host);
  if (name !== undefined) return { engine: readEngine(paths, parseEngineName(name)), selection: undefined };
  const selection = activeSelection(paths, host.environment);
  return { engine: readEngine(paths, parseEngineName(selection.name)), selection };
}
