import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Catalogs, findEngine } from '../../catalog/index.js';
import { mapLimited, type Reporter } from '../../content/index.js';
import {
  type ContentChange,
  compareEngines,
  type EngineDefinition,
  type EngineLock,
  type LockedImage,
  type LockedImageSource,
  lockId,
  parseNamedEngine,
  resolveEngine,
} from '../../engine/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../../errors/index.js';
import { showName } from '../../layer/index.js';
import { compareSums, type FileChange, type FileSums, sumDirectory, sumImage } from '../../look/index.js';
import { formatPlatform, nodePlatform, parseReference } from '../../oci/index.js';
import { lockFile } from '../../shim/index.js';
import {
  baseOf,
  type InstalledEngine,
  installedLock,
  readEngine,
  rememberingTarget,
  steadily,
} from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { changedSources, printChanges } from '../changes.js';
import { isDirectory } from '../directories.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { installedDefinition } from '../installed.js';
import { readLock } from '../lock-file.js';
import { printJson, printLine, printLines, withProgress } from '../output.js';
import { openStore, openTargets, type Targets } from '../runtime.js';

/** How many sources are read at the same time. */
const concurrentSources = 2;

/** The flags of `engineshed diff`. */
interface DiffFlags {
  readonly files?: boolean;
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly json?: boolean;
}

/** One of two engines that are compared. */
interface Side {
  readonly lock: EngineLock;
  /** Undefined where it is not installed. */
  readonly installed?: InstalledEngine;
}

/** What a comparison asks with. */
interface Desk {
  readonly host: Host;
  readonly catalogs: Catalogs;
  readonly targets: Targets;
  readonly report: Reporter;
}

/** The changed files of a source. */
interface SourceFiles {
  readonly source: string;
  readonly files: readonly FileChange[];
}

/** Compares two engines. */
export async function diff(this: Host, flags: DiffFlags, a: string, b?: string): Promise<void> {
  const { before, after, files } = await withProgress(this, async (report) => {
    const catalogs = await openCatalogs(this, flags.registry);
    const targets = openTargets(this, catalogs, flags, report);
    const desk = { host: this, catalogs, targets, report };
    try {
      const before = (await findStanding(desk, a)) ?? (await resolved(desk, findEngine(catalogs, a)));
      const after = b === undefined ? await resolvedNow(desk, a, before) : await findSide(desk, b);
      return { before, after, files: flags.files ? await changedFiles(desk, before, after) : undefined };
    } finally {
      targets.close();
    }
  });
  const comparison = compareEngines(before.lock, after.lock);
  if (flags.json) {
    const sides = { before: told(before), after: told(after) };
    printJson(this, {
      ...sides,
      ...comparison,
      ...(files === undefined ? {} : { files: files.flatMap(shownFiles) }),
    });
    return;
  }
  const changes = changedSources(comparison);
  const others = [comparison.parts, comparison.environment, comparison.commands];
  if (changes.length === 0 && others.every((list) => list.length === 0)) {
    printLine(this, 'They are the same.');
    return;
  }
  printChanges(this, changes);
  for (const [what, list] of [
    ['part', comparison.parts],
    ['variable', comparison.environment],
    ['command', comparison.commands],
  ] as const)
    printLines(
      this,
      list.map(({ name, change }: ContentChange) => `${change} ${what} ${name}`),
    );
  for (const source of files ?? []) {
    printLine(this);
    printLine(this, `${source.source}: ${counted(source.files.length)}`);
    printLines(
      this,
      source.files.map(({ path, change }) => `  ${change.padEnd(7)}  ${showName(path)}`),
    );
  }
}

function counted(files: number): string {
  return files === 1 ? '1 file differs' : `${files} files differ`;
}

function told({ lock, installed }: Side) {
  return { name: lock.name, id: lockId(lock), installed: installed !== undefined };
}

function shownFiles({ source, files }: SourceFiles) {
  return files.map(({ path, change }) => ({ source, path: showName(path), change }));
}

async function findSide(desk: Desk, text: string): Promise<Side> {
  return (await findStanding(desk, text)) ?? resolved(desk, findEngine(desk.catalogs, text));
}

/** What stands on this machine: a lock, a state, an installed engine; undefined for what only the catalogs may know. */
async function findStanding({ host }: Desk, text: string): Promise<Side | undefined> {
  if (text.includes('/') || text.endsWith('.lock') || ['.', '..'].includes(text)) {
    const path = resolve(host.directory, text);
    const isProject = existsSync(path) && statSync(path).isDirectory();
    const lock = readLock(host, isProject ? `${path}/${lockFile}` : path);
    if (lock !== undefined) return { lock };
    throw new EngineshedError('PATH_NOT_FOUND', `There is no lock ${isProject ? `in ${path}` : path}`, {
      hint: 'Name an engine, NAME@ID, or the path of an engineshed.lock.',
      details: { path },
    });
  }
  const { name, id } = parseNamedEngine(text);
  const paths = openPaths(host);
  try {
    return steadily(() => {
      const installed = readEngine(paths, name, id);
      return { lock: installedLock(paths, installed), installed };
    });
  } catch (error) {
    if (id === undefined && isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) return undefined;
    throw error;
  }
}

async function resolvedNow(desk: Desk, text: string, { lock, installed }: Side): Promise<Side> {
  const isLock = installed === undefined && lock.catalog.endsWith(`/${lockFile}`);
  if (installed === undefined && !isLock)
    throw new EngineshedError('USAGE', `"${text}" is not installed, so there is nothing to compare it with`, {
      hint: 'Name a second engine, or a lock.',
    });
  const definition = isLock
    ? installedDefinition({ ...desk.catalogs, entries: new Map() }, lock)
    : installedDefinition(desk.catalogs, installed === undefined ? lock : baseLock(desk, installed));
  return resolved(desk, definition);
}

/** The lock of what is installed without the working copies that stand in it, which no registry knows. */
function baseLock({ host }: Desk, installed: InstalledEngine): EngineLock {
  const paths = openPaths(host);
  return installedLock(paths, baseOf(paths, installed));
}

async function resolved({ host, targets, report }: Desk, definition: EngineDefinition): Promise<Side> {
  const store = openStore(host, report);
  const remembered = new Map();
  const lock = await resolveEngine(definition, {
    target: ({ reference }) => rememberingTarget(store, targets.readable(reference), remembered),
    platform: nodePlatform(host.platform, host.architecture),
    directoryExists: isDirectory,
  });
  return { lock };
}

/** The files of every source that is not the same: those of what is installed as they stand, all others as their layers have them. */
async function changedFiles(desk: Desk, before: Side, after: Side): Promise<SourceFiles[]> {
  const changes = changedSources(compareEngines(before.lock, after.lock));
  return mapLimited(changes, concurrentSources, async ({ source }) => {
    const [old, now] = [await sumSource(desk, before, source), await sumSource(desk, after, source)];
    return { source, files: compareSums(old, now) };
  });
}

async function sumSource({ host, targets, report }: Desk, side: Side, name: string): Promise<FileSums> {
  const standing = side.installed?.sources[name];
  const locked = side.lock.sources[name];
  try {
    if (standing !== undefined) return sumDirectory(standing.directory);
    if (locked === undefined) return new Map();
    if (locked.kind === 'directory') return sumDirectory(locked.path);
    const reference = { ...parseReference(locked.reference), tag: undefined, digest: locked.resolved };
    const { layers } = imageFor(locked, formatPlatform(nodePlatform(host.platform, host.architecture)));
    return await sumImage({ content: targets.readable(reference), layers, report });
  } catch (error) {
    throw inOperation(`Reading the files of ${name}`, error);
  }
}

/** The image for this machine's platform; the first where none is just for that. */
function imageFor(locked: LockedImageSource, platform: string): LockedImage {
  return locked.images?.find((image) => image.platform === platform) ?? locked;
}
