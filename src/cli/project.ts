import { dirname } from 'node:path';
import { type Catalogs, pinnedEngine } from '../catalog/index.js';
import type { Reporter, Target } from '../content/index.js';
import {
  type EngineDefinition,
  type EngineLock,
  type ImageSource,
  type LockedImageSource,
  lockEngine,
} from '../engine/index.js';
import { EngineshedError } from '../errors/index.js';
import { formatReference, type Reference } from '../oci/index.js';
import { findPin, type Pin } from '../shim/index.js';
import { type Remembered, rememberingTarget, type Store } from '../store/index.js';
import { admitLock } from './admission.js';
import { openCatalogsWith } from './catalogs.js';
import { isDirectory } from './directories.js';
import type { Host } from './host.js';
import { isOffline, type NetworkFlags, openStore, openTargets, type Targets } from './runtime.js';

/** The flags of commands that work on a project. */
export interface ProjectFlags extends NetworkFlags {
  readonly registry?: string;
}

/** A project, opened for one command. */
export interface Project {
  /** The absolute path of its `engineshed.toml`. */
  readonly file: string;
  /** The absolute path of its lock, which need not be there. */
  readonly lock: string;
  readonly catalogs: Catalogs;
  /** The engine that it is for, as its lock tells of it. */
  readonly definition: EngineDefinition;
  /** The same with the places that this run takes images from: others with `--registry`. */
  readonly wanted: EngineDefinition;
  readonly store: Store;
  readonly targets: Targets;
  readonly remembered: Remembered;
  readonly isOffline: boolean;
  /** Whether what is found of signatures and channels may be written down. */
  readonly keeping: 'keep' | 'leave';
  readonly report: Reporter;
}

/** The pin that counts in the directory of this run: that of the nearest `engineshed.toml` upward which has one. */
export function projectHere(host: Host): Pin | undefined {
  return findPin({ directory: host.directory, userId: host.userId });
}

/**
 * Opens the project of a pin for as long as `work` takes.
 * @throws EngineshedError `CONFIG_INVALID`, `REFERENCE_INVALID`, and what `work` throws
 */
export async function withProject<T>(
  host: Host,
  flags: ProjectFlags & { readonly dryRun?: boolean },
  { file, lock }: Pin,
  report: Reporter,
  work: (project: Project) => Promise<T>,
): Promise<T> {
  const catalogs = await openCatalogsWith(host, file, flags.registry);
  const own = flags.registry === undefined ? catalogs : await openCatalogsWith(host, file, undefined);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await work({
      file,
      lock,
      catalogs,
      definition: pinnedEngine(own),
      wanted: pinnedEngine(catalogs),
      store: openStore(host, report),
      targets,
      remembered: new Map(),
      isOffline: isOffline(host, flags),
      keeping: flags.dryRun ? 'leave' : 'keep',
      report,
    });
  } finally {
    targets.close();
  }
}

/** The pin that counts here, where there must be one: `USAGE` where there is none. */
export function requireProject(host: Host): Pin {
  const pin = projectHere(host);
  if (pin !== undefined) return pin;
  throw new EngineshedError('USAGE', 'There is no project here: no engineshed.toml upward names its engine', {
    hint: 'Write engine = "NAME" on the first line of an engineshed.toml in the directory of the project.',
  });
}

/** The place of a source, where manifests and configs that the store has are not asked for. */
export function projectTarget(project: Project): (source: { readonly reference: Reference }) => Target {
  const { store, targets, remembered } = project;
  return ({ reference }) => rememberingTarget(store, targets.readable(reference), remembered);
}

/**
 * Resolves the engine of a project for all platforms. What is found by a tag has to be what policies demand.
 * @param known what stays as a lock has it
 * @throws EngineshedError as `lockEngine` and `admit` do
 */
export async function lockProject(
  host: Host,
  project: Project,
  known: (name: string) => LockedImageSource | undefined,
): Promise<EngineLock> {
  const { definition, wanted, report } = project;
  const target = projectTarget(project);
  const lock = await lockEngine(wanted, {
    target,
    directoryExists: isDirectory,
    known,
    report,
  });
  const fresh = Object.entries(lock.sources).filter(([name]) => known(name) === undefined);
  await admitLock(host, {
    catalogs: project.catalogs,
    store: project.store,
    lock: { ...lock, sources: Object.fromEntries(fresh) },
    canonical: definition,
    followed: () => true,
    target: (name) => project.targets.readable(imageSource(wanted, name).reference),
    remembered: project.remembered,
    keeping: project.keeping,
  });
  const sources = Object.entries(lock.sources).map(([name, source]) => {
    const own = definition.sources[name];
    if (source.kind === 'directory' || own === undefined || own.kind === 'directory') return [name, source];
    return [name, { ...source, reference: formatReference(own.reference) }];
  });
  return { ...lock, sources: Object.fromEntries(sources) };
}

/** A source that is an image. */
export function imageSource({ sources }: Pick<EngineDefinition, 'sources'>, name: string): ImageSource {
  const source = sources[name];
  if (source !== undefined && source.kind !== 'directory') return source;
  throw new EngineshedError('INTERNAL', `The source ${name} is no image`);
}

/** The name by which people call the lock: with the directory of the project where that is not the one of this run. */
export function lockName(host: Host, path: string): string {
  return dirname(path) === host.directory ? 'engineshed.lock' : path;
}
