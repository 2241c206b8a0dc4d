import { type NamedEngine, parseNamedEngine } from '../engine/names.js';
import { EngineshedError, fromSystemError, isEngineshedError } from '../errors/index.js';
import {
  findSelection,
  notInstalledBecause,
  type Selection,
  type SelectionInputs,
  selectionOf,
} from '../shim/active.js';
import {
  checkStoreVersion,
  type InstalledEngine,
  readEngine,
  type StorePaths,
  storePaths,
} from '../store/read.js';
import type { Host } from './host.js';
import { printWarning } from './output.js';
import { storeRoot, userConfiguration } from './places.js';

/** The paths of the store that this run uses, whose layout version was checked. */
export function openPaths(host: Host): StorePaths {
  const paths = storePaths(storeRoot(host));
  checkStoreVersion(paths);
  return paths;
}

/** An engine that a command reads, and why it is this one. */
export interface ChosenEngine {
  readonly engine: InstalledEngine;
  /** Undefined where the command named it. */
  readonly selection: Selection | undefined;
}

/** What a command does where the engine that it needs is not installed: install it where that is allowed, or say so. */
export type WhenMissing = 'install' | 'tell';

/**
 * The installed engine that is named, `NAME` or `NAME@ID`, or else the selected one.
 * @throws EngineshedError `NAME_INVALID`, `CONFIG_INVALID`, `ENGINE_NONE_ACTIVE`, `ENGINE_NOT_INSTALLED`, `STORE_CORRUPT`,
 * `STORE_VERSION`, and what an install throws
 */
export async function chooseEngine(
  host: Host,
  name: string | undefined,
  whenMissing: WhenMissing,
): Promise<ChosenEngine> {
  const paths = openPaths(host);
  const selection = name === undefined ? await selectEngine(host, paths) : undefined;
  const wanted = selection ?? parseNamedEngine(name ?? '');
  try {
    return { engine: readEngine(paths, wanted.name, wanted.id), selection };
  } catch (error) {
    if (!isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) throw error;
    if (whenMissing === 'install' && (await isInstalled(host, wanted, selection)))
      return { engine: readEngine(paths, wanted.name, wanted.id), selection };
    throw selection === undefined ? error : notInstalledBecause(selection, error);
  }
}

/** What the selection of this run depends on. */
export function selectionInputs(host: Host, paths: StorePaths): SelectionInputs {
  return {
    paths,
    environment: host.environment,
    get search() {
      const directory = workingDirectory(host);
      return directory === undefined ? undefined : { directory, userId: host.userId };
    },
    userConfiguration: () => userConfiguration(host),
  };
}

/** What is selected here, for commands that only tell it: where that cannot be read, they say so and go on. */
export function tellSelection(host: Host, paths: StorePaths): Selection | undefined {
  try {
    return findSelection(selectionInputs(host, paths));
  } catch (error) {
    const { message, hint } = fromSystemError(error);
    printWarning(
      host,
      `What is selected here cannot be read: ${message}${hint === undefined ? '' : `. ${hint}`}`,
    );
    return undefined;
  }
}

/** The catalogs' default counts only where it is installed: nobody chose it, so nobody is to wait for its download. */
async function selectEngine(host: Host, paths: StorePaths): Promise<Selection> {
  const selection = findSelection(selectionInputs(host, paths));
  if (selection !== undefined) return selection;
  const fallback = await (await host.firstUse()).catalogCandidate(host);
  if (fallback.engine !== undefined && isThere(paths, fallback.engine))
    return selectionOf(fallback, fallback.engine);
  throw new EngineshedError('ENGINE_NONE_ACTIVE', 'No engine is active', {
    hint: 'Install one with "engineshed install", or choose an installed one with "engineshed use NAME".',
  });
}

function isThere(paths: StorePaths, { name, id }: NamedEngine): boolean {
  try {
    return readEngine(paths, name, id) !== undefined;
  } catch (error) {
    // A damaged one is there, and is told as such.
    return !isEngineshedError(error, 'ENGINE_NOT_INSTALLED');
  }
}

/** Installs what is missing, where that is allowed; tells whether it did. */
async function isInstalled(
  host: Host,
  wanted: NamedEngine,
  selection: Selection | undefined,
): Promise<boolean> {
  const { ENGINESHED_INSTALL_MISSING = '' } = host.environment;
  if (['0', 'false'].includes(ENGINESHED_INSTALL_MISSING)) return false;
  // No catalog knows a state by its id; a lock does.
  if (wanted.id !== undefined && selection?.by !== 'project') return false;
  const { mayInstall, installMissing } = await host.firstUse();
  if (!(await mayInstall(host))) return false;
  await installMissing(host, wanted, selection?.by === 'project' ? 'project' : 'other');
  return true;
}

function workingDirectory(host: Host): string | undefined {
  try {
    return host.directory;
  } catch (error) {
    if (isEngineshedError(error, 'PATH_NOT_FOUND')) return undefined;
    throw error;
  }
}
