import { mapLimited, type Reporter } from '../../content/index.js';
import {
  compareEngines,
  type EngineDefinition,
  type EngineLock,
  lockId,
  parseEngineName,
  resolveEngine,
  type SourceChange,
  shortVersion,
} from '../../engine/index.js';
import { EngineshedError, inOperation } from '../../errors/index.js';
import { nodePlatform, parsePlatform } from '../../oci/index.js';
import type { Pin } from '../../shim/index.js';
import {
  baseOf,
  type InstalledEngine,
  installedLock,
  readEngine,
  readEngines,
  refuseLookingForNewer,
  rememberingTarget,
  steadily,
} from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { changedSources } from '../changes.js';
import { isDirectory } from '../directories.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { installedDefinition } from '../installed.js';
import { readLock } from '../lock-file.js';
import { printJson, printLine, printWarning, withProgress } from '../output.js';
import { lockName, projectHere, withProject } from '../project.js';
import { isOffline, openStore, openTargets, type Targets } from '../runtime.js';
import { printTable } from '../table.js';

/** How many engines are looked after at the same time. */
const concurrentEngines = 4;

/** The flags of `engineshed outdated`. */
interface OutdatedFlags {
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** What of one engine an update would move. */
interface Outdated {
  readonly name: string;
  readonly id: string;
  readonly changes: readonly SourceChange[];
}

/** Tells what an update would move on. */
export async function outdated(this: Host, flags: OutdatedFlags, ...names: string[]): Promise<void> {
  const pin = names.length === 0 ? projectHere(this) : undefined;
  const engines = await withProgress(this, (report) =>
    pin === undefined ? outdatedEngines(this, flags, names, report) : ofProject(this, flags, pin, report),
  );
  const isOutdated = engines.some(({ changes }) => changes.length > 0);
  if (isOutdated) this.process.exitCode = 1;
  if (flags.json) {
    printJson(this, { outdated: isOutdated, engines });
    return;
  }
  if (!isOutdated) {
    printLine(this, engines.length === 0 ? 'No engine is installed.' : 'Everything is up to date.');
    return;
  }
  printTable(
    this,
    ['ENGINE', 'SOURCE', 'NOW', 'LATEST', 'CREATED'],
    engines.flatMap(({ name, changes }) =>
      changes.map(({ source, before, after }) => [
        name,
        source,
        shortVersion(before),
        shortVersion(after),
        after?.created?.slice(0, 10) ?? '',
      ]),
    ),
  );
}

async function ofProject(host: Host, flags: OutdatedFlags, pin: Pin, report: Reporter): Promise<Outdated[]> {
  return withProject(host, flags, pin, report, async ({ targets, wanted, definition, lock: path }) => {
    const lock = readLock(host, path);
    if (lock === undefined)
      throw new EngineshedError('LOCK_OUTDATED', `There is no ${lockName(host, path)} to compare with`, {
        hint: 'Write it with: engineshed lock',
        details: { path },
      });
    if (isOffline(host, flags)) refuseLookingForNewer(definition, Object.keys(definition.sources));
    const now = await resolveNow(host, targets, wanted, undefined, report);
    return [{ name: definition.name, id: lockId(lock), changes: changedSources(compareEngines(lock, now)) }];
  });
}

/**
 * What of installed engines an update would move.
 * @param names all where there are none
 * @throws EngineshedError as `resolveEngine` does, with the engine's name before the message
 */
export async function outdatedEngines(
  host: Host,
  flags: OutdatedFlags,
  names: readonly string[],
  report: Reporter,
): Promise<Outdated[]> {
  const paths = openPaths(host);
  // What a working copy stands in for moves on beneath it.
  const withLock = (engine: InstalledEngine) => ({
    engine,
    lock: installedLock(paths, baseOf(paths, engine)),
  });
  const engines = steadily(() =>
    names.length > 0
      ? names.map((name) => withLock(readEngine(paths, parseEngineName(name))))
      : readEngines(paths, (_name, { message }) => printWarning(host, message)).map(withLock),
  );
  const catalogs = await openCatalogs(host, flags.registry);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await mapLimited(engines, concurrentEngines, async ({ engine, lock }) => {
      const definition = installedDefinition(catalogs, lock);
      if (isOffline(host, flags)) refuseLookingForNewer(definition, Object.keys(definition.sources));
      try {
        const now = await resolveNow(host, targets, definition, lock.platform, report);
        const changes = changedSources(compareEngines(lock, now));
        return { name: engine.name, id: engine.id, changes };
      } catch (error) {
        throw inOperation(`Looking what ${engine.name} is now`, error);
      }
    });
  } finally {
    targets.close();
  }
}

/** What the references of an engine stand for now. */
function resolveNow(
  host: Host,
  targets: Targets,
  definition: EngineDefinition,
  platform: string | undefined,
  report: Reporter,
): Promise<EngineLock> {
  const store = openStore(host, report);
  const remembered = new Map();
  return resolveEngine(definition, {
    target: ({ reference }) => rememberingTarget(store, targets.readable(reference), remembered),
    platform:
      platform === undefined ? nodePlatform(host.platform, host.architecture) : parsePlatform(platform),
    directoryExists: isDirectory,
  });
}
