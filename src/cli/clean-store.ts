import { delimiter } from 'node:path';
import type { Catalogs } from '../catalog/index.js';
import type { Reporter } from '../content/index.js';
import { resolveEngine } from '../engine/index.js';
import { ownerOf } from '../files/index.js';
import { nodePlatform } from '../oci/index.js';
import { withTemporaryDirectory } from '../publish/index.js';
import { releaseEngine } from '../release/index.js';
import { applyInstall, planInstall, type Remembered, rememberingTarget, storeAt } from '../store/index.js';
import { admitLock } from './admission.js';
import { isDirectory } from './directories.js';
import type { Host } from './host.js';
import { type FoundRelease, settingsOf } from './release.js';
import { requireSignatures } from './release-trust.js';
import { openStore } from './runtime.js';

/** Tests are in process groups of their own, so that a terminal's ^C reaches only this process: it ends them, and itself afterwards. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => ({
    name,
    handler: () => stopping.abort(name),
  }));
  for (const { name, handler } of handlers) process.on(name, handler);
  try {
    return await work(stopping.signal);
  } finally {
    for (const { name, handler } of handlers) process.off(name, handler);
    if (stopping.signal.aborted) process.kill(process.pid, stopping.signal.reason as NodeJS.Signals);
  }
}

/** What a release under test does not get: the choice of another engine, and what its publisher signs with. */
const withheld = ['HAMLET_ENGINE', 'ENGINESHED_SIGNING_KEY', 'ENGINESHED_SIGNING_PASSWORD'];

/** Runs `work` with the environment of the release and its commands on the PATH, installed by its digest into a store that has nothing else. */
export async function inCleanStore<T>(
  host: Host,
  catalogs: Catalogs,
  release: FoundRelease,
  report: Reporter,
  work: (environment: Host['environment']) => Promise<T>,
): Promise<T> {
  const { reference, target, lock } = release;
  // By the project's policies: which engine the image is, only it says itself.
  await requireSignatures(host, { catalogs, settings: settingsOf(catalogs) }, release);
  const owner = ownerOf(host.pid);
  return withTemporaryDirectory(host.temporary, 'release', owner, async (root) => {
    const store = storeAt(root, owner, host.now, report);
    const remembered: Remembered = new Map();
    const content = rememberingTarget(store, target, remembered);
    const resolved = await resolveEngine(releaseEngine(lock, lock.name, reference), {
      target: () => content,
      platform: nodePlatform(host.platform, host.architecture),
      directoryExists: isDirectory,
      report,
    });
    const admission = await admitLock(host, {
      catalogs,
      // What is known of signatures is in the store of the user.
      store: openStore(host, report),
      lock: resolved,
      followed: () => false,
      target: () => target,
      remembered,
      keeping: 'keep',
    });
    const { engine } = await applyInstall(store, planInstall(store, resolved), {
      content: () => content,
      remembered,
      admission,
      platform: host.platform,
    });
    const surroundings = { ...host.environment };
    for (const variable of withheld) delete surroundings[variable];
    const environment: Record<string, string | undefined> = {
      ...surroundings,
      ...engine.environment.set,
      ENGINESHED_HOME: root,
      ENGINESHED_ENGINE: engine.name,
    };
    for (const variable of engine.environment.unset) delete environment[variable];
    // Its commands come before those of an engine that this machine has.
    const path = host.platform === 'win32' ? (Object.keys(environment).find(isPath) ?? 'Path') : 'PATH';
    environment[path] = [store.paths.shims, ...(environment[path] ? [environment[path]] : [])].join(
      delimiter,
    );
    return work(environment);
  });
}

/** Windows' variables have no case, but a copy of them has. */
function isPath(name: string): boolean {
  return name.toUpperCase() === 'PATH';
}
