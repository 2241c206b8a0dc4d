import {
  atDigests,
  type EngineLock,
  formatProjectLock,
  isSameSource,
  type LockedSource,
  lockDifferences,
  lockForPlatform,
  lockId,
  resolveEngine,
} from '../engine/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../errors/index.js';
import { nodePlatform, type Reference } from '../oci/index.js';
import { useEngine, useFirstEngine } from '../shim/index.js';
import {
  applyInstall,
  asOneChange,
  type InstallPlan,
  isRemembered,
  type Naming,
  planInstall,
  type Remembered,
  refuseFetching,
  refuseUnknown,
  rememberingTarget,
  rememberProject,
  type Store,
  sweepStore,
  transaction,
} from '../store/index.js';
import { admitLock } from './admission.js';
import { isDirectory } from './directories.js';
import type { Host } from './host.js';
import { readLock, writeLock } from './lock-file.js';
import { imageSource, lockName, lockProject, type Project, projectTarget } from './project.js';

/** What to do with the state that a lock names. */
export type Use = 'use' | 'leave' | 'plan-only';

/** What installing a project's engine did. */
export interface ProjectInstall {
  readonly plan: InstallPlan;
  readonly activated: boolean;
  /** Whether the lock was written. */
  readonly written: boolean;
}

/**
 * The lock of a project as an install without `--locked` has it: the one that is there, and anew what the file asks for
 * otherwise.
 * @throws EngineshedError `LOCK_INVALID`, and as {@link lockProject} does
 */
export async function currentLock(host: Host, project: Project): Promise<EngineLock> {
  const lock = readLock(host, project.lock);
  if (lock !== undefined && lockDifferences(project.definition, lock).length === 0) return lock;
  return lockProject(
    host,
    project,
    keptSources(project, lock, () => true),
  );
}

/**
 * What stays of a lock when it is made anew: sources that the file asks for as before, and that are to stay.
 * @param lock undefined where there is none
 */
export function keptSources(
  { definition }: Project,
  lock: EngineLock | undefined,
  stays: (name: string) => boolean,
): Parameters<typeof lockProject>[2] {
  const fitting = lock?.name === definition.name ? lock : undefined;
  return (name) => {
    const [asked, locked] = [definition.sources[name], fitting?.sources[name]];
    if (asked === undefined || locked === undefined || locked.kind === 'directory' || !stays(name))
      return undefined;
    return isSameSource(asked, locked) ? locked : undefined;
  };
}

/**
 * The lock of a project as `--locked` wants it: there, and just what the file asks for.
 * @throws EngineshedError `LOCK_OUTDATED` with all that differs, `LOCK_INVALID`
 */
export function exactLock(host: Host, project: Project): EngineLock {
  const lock = readLock(host, project.lock);
  const name = lockName(host, project.lock);
  const hint = 'Make it with "engineshed lock", and commit it.';
  if (lock === undefined)
    throw new EngineshedError('LOCK_OUTDATED', `There is no ${name}, and --locked installs what it says`, {
      hint,
      details: { path: project.lock },
    });
  const directories = Object.entries(lock.sources).filter(([, source]) => source.kind === 'directory');
  const differences = [
    ...lockDifferences(project.definition, lock),
    ...directories.map(([source]) => `the source "${source}" is a directory, whose content no lock can tell`),
  ];
  if (differences.length === 0) return lock;
  throw new EngineshedError(
    'LOCK_OUTDATED',
    `${name} is not what ${project.file} asks for: ${differences.join('; ')}`,
    { hint, details: { path: project.lock } },
  );
}

/**
 * Installs what a lock says, and writes the lock once that stands complete. The machine's engine of that name stays what it is, but
 * where there is none.
 * @throws EngineshedError as `resolveEngine`, `lockForPlatform`, `applyInstall` and {@link writeLock} do
 */
export async function installLock(
  host: Host,
  project: Project,
  lock: EngineLock,
  use: Use,
): Promise<ProjectInstall> {
  const { store, isOffline } = project;
  const text = formatProjectLock(lock, project.lock);
  const wanted = atDigests(project.wanted, lock);
  if (isOffline) await refuseUnknown(store, wanted);
  // Only what this platform needs is kept.
  const remembered: Remembered = new Map();
  const outer = projectTarget(project);
  const target = (source: { readonly reference: Reference }) =>
    rememberingTarget(store, outer(source), remembered);
  const state = lockForPlatform(lock, await findImages(host, project, wanted, target));
  const naming: Naming = use === 'use' ? 'always' : 'where-new';
  const content = (name: string) => target(imageSource(wanted, name));
  const admission = await admitLock(host, {
    catalogs: project.catalogs,
    store,
    lock: { ...state, sources: Object.fromEntries(Object.entries(state.sources).map(onlyOwnImage)) },
    canonical: project.definition,
    // The tags were looked at when the lock was made.
    followed: () => false,
    target: (name) => project.targets.readable(imageSource(wanted, name).reference),
    remembered,
    keeping: project.keeping,
  });
  let plan = planInstall(store, state, naming);
  if (isOffline) refuseFetching(plan);
  if (use === 'plan-only') return { plan, activated: false, written: false };
  const record = { lock: project.lock, engine: lock.name, id: lockId(lock) };
  const activate = async (within: Store) => {
    if (use !== 'use') return useFirstEngine(within, lock.name);
    await useEngine(within, lock.name);
    return true;
  };
  if (plan.upToDate && isRemembered(store.paths, record)) {
    await sweepStore(store);
    return { plan, activated: await activate(store), written: writeLock(host, project.lock, text) };
  }
  return await asOneChange(store, `install ${lock.name}`, async (within) => {
    if (!plan.upToDate)
      ({ plan } = await applyInstall(within, plan, {
        content,
        remembered,
        admission,
        platform: host.platform,
      }));
    const written = await transaction(within, `install ${lock.name}`, async ({ staging }) => {
      rememberProject(store.paths, record, staging);
      return writeLock(host, project.lock, text);
    });
    return { plan, activated: await activate(within), written };
  });
}

/** The image of this platform, and not those of the others, comes in. */
function onlyOwnImage([name, source]: [string, LockedSource]): [string, LockedSource] {
  if (source.kind === 'directory') return [name, source];
  const { images: _, ...own } = source;
  return [name, own];
}

/** What the digests of a lock lead to on this machine's platform. */
async function findImages(
  host: Host,
  { report }: Project,
  wanted: ReturnType<typeof atDigests>,
  target: Parameters<typeof resolveEngine>[1]['target'],
): Promise<EngineLock> {
  try {
    return await resolveEngine(wanted, {
      target,
      platform: nodePlatform(host.platform, host.architecture),
      directoryExists: isDirectory,
      report: (event) => {
        // That a digest is itself tells nothing.
        if (event.type !== 'resolved') report(event);
      },
    });
  } catch (error) {
    if (!isEngineshedError(error, 'REFERENCE_NOT_FOUND', 'CONTENT_NOT_FOUND')) throw error;
    throw inOperation(
      'What the lock names is not there any more; move it on with "engineshed update"',
      error,
    );
  }
}
