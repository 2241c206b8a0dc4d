import { type Catalogs, findEngine, overrideSource, pinnedEngine } from '../catalog/index.js';
import type { Reporter } from '../content/index.js';
import {
  atDigests,
  type EngineDefinition,
  type EngineLock,
  lockDifferences,
  parseNamedEngine,
  resolveEngine,
  type SourceDefinition,
} from '../engine/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { nodePlatform, nodeSystem, parsePlatform, parseReference } from '../oci/index.js';
import { findSelection } from '../shim/index.js';
import {
  type InstallInputs,
  installedLock,
  planInstall,
  type Remembered,
  refuseFetching,
  refuseUnknown,
  rememberingTarget,
  type Store,
} from '../store/index.js';
import { admitLock } from './admission.js';
import { openCatalogs, openCatalogsWith } from './catalogs.js';
import { isDirectory } from './directories.js';
import { chooseEngine, openPaths, selectionInputs } from './engines.js';
import type { Host } from './host.js';
import { readLock } from './lock-file.js';
import { requireProject } from './project.js';
import type { Replacement } from './replacement.js';
import { isOffline, type NetworkFlags, openStore, openTargets, type Targets } from './runtime.js';

/** Which engine, and how registries are reached. */
export interface ReplacedFlags extends NetworkFlags {
  readonly engine?: string;
}

/** An engine with sources replaced, resolved, and what installing it needs. */
export interface Replaced {
  readonly store: Store;
  readonly lock: EngineLock;
  readonly inputs: InstallInputs;
}

/**
 * Resolves the selected engine, or that of `--engine`, with other sources in the place of some of its own. Of an installed engine all
 * other sources stay as they are installed, and nobody asks what their references stand for now.
 * @param work is done while the places of images are open
 * @throws EngineshedError as `chooseEngine`, `overrideSource` and `resolveEngine` do; `OFFLINE`
 */
export async function withReplaced<T>(
  host: Host,
  flags: ReplacedFlags,
  replacements: readonly Replacement[],
  report: Reporter,
  work: (replaced: Replaced) => Promise<T>,
): Promise<T> {
  const catalogs = await openCatalogs(host, undefined);
  const base = await chooseBase(host, catalogs, flags.engine);
  const definition = replacements.reduce(
    (changed, { name, override }) => overrideSource(catalogs, changed, name, override),
    base.definition,
  );
  const store = openStore(host, report);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    const remembered: Remembered = new Map();
    const lock = await resolveChanged(host, flags, { base, definition, store, targets, remembered, report });
    if (isOffline(host, flags)) refuseFetching(planInstall(store, lock));
    const platform =
      lock.platform === undefined ? host.platform : nodeSystem(parsePlatform(lock.platform).os);
    const content = (name: string) => {
      const source = lock.sources[name];
      if (source === undefined || source.kind === 'directory')
        throw new EngineshedError('INTERNAL', `The source ${name} has no layers to fetch`);
      return targets.readable(parseReference(source.reference));
    };
    const isKept = keptSource(base, definition);
    const admission = await admitLock(host, {
      catalogs,
      store,
      lock,
      followed: (name) => !isKept(name),
      target: content,
      remembered,
      keeping: 'keep',
    });
    return await work({ store, lock, inputs: { content, remembered, admission, platform } });
  } finally {
    targets.close();
  }
}

/** An engine before anything of it is replaced. */
interface Base {
  readonly definition: EngineDefinition;
  /** What its sources stand for; undefined where that was never resolved here. */
  readonly lock: EngineLock | undefined;
}

/** What is selected; where that is not installed, what it would be: by the project's lock, or by the catalogs. */
async function chooseBase(host: Host, catalogs: Catalogs, engine: string | undefined): Promise<Base> {
  const paths = openPaths(host);
  try {
    const lock = installedLock(paths, (await chooseEngine(host, engine, 'tell')).engine);
    return { definition: definitionOf(lock), lock };
  } catch (error) {
    if (!isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) throw error;
    const selection = engine === undefined ? findSelection(selectionInputs(host, paths)) : undefined;
    if (selection?.by === 'project') return { definition: await projectEngine(host), lock: undefined };
    const { name, id } = selection ?? parseNamedEngine(engine ?? '');
    // No catalog knows a state by its id.
    if (id !== undefined) throw error;
    return { definition: findEngine(catalogs, name), lock: undefined };
  }
}

/** The engine of the project, at the digests of its lock where that fits. */
async function projectEngine(host: Host): Promise<EngineDefinition> {
  const pin = requireProject(host);
  const definition = pinnedEngine(await openCatalogsWith(host, pin.file, undefined));
  const lock = readLock(host, pin.lock);
  const fits = lock !== undefined && lockDifferences(definition, lock).length === 0;
  return fits ? atDigests(definition, lock) : definition;
}

/** The definition that a lock was made from, as far as the lock tells. */
export function definitionOf(lock: EngineLock): EngineDefinition {
  const sources = Object.entries(lock.sources).map(([name, source]): [string, SourceDefinition] => {
    if (source.kind === 'directory') return [name, source];
    const reference = parseReference(source.reference);
    return [
      name,
      reference.transport === 'registry' ? { kind: 'image', reference } : { kind: 'layout', reference },
    ];
  });
  return { ...lock, sources: Object.fromEntries(sources) };
}

/** Whether a source stays what it is in the engine that is installed. */
function keptSource(base: Base, { sources }: EngineDefinition): (name: string) => boolean {
  return (name) => base.lock !== undefined && base.definition.sources[name] === sources[name];
}

interface ChangedInputs {
  readonly base: Base;
  readonly definition: EngineDefinition;
  readonly store: Store;
  readonly targets: Targets;
  readonly remembered: Remembered;
  readonly report: Reporter;
}

async function resolveChanged(host: Host, flags: NetworkFlags, inputs: ChangedInputs): Promise<EngineLock> {
  const { base, definition, store, targets, remembered, report } = inputs;
  const isKept = keptSource(base, definition);
  const entries = Object.entries(definition.sources);
  const changed = { ...definition, sources: Object.fromEntries(entries.filter(([name]) => !isKept(name))) };
  if (isOffline(host, flags)) await refuseUnknown(store, changed);
  const asked = base.lock?.platform;
  const resolved = await resolveEngine(changed, {
    target: ({ reference }) => rememberingTarget(store, targets.readable(reference), remembered),
    platform: asked === undefined ? nodePlatform(host.platform, host.architecture) : parsePlatform(asked),
    directoryExists: isDirectory,
    report,
  });
  const sources = entries.map(([name]) => [name, resolved.sources[name] ?? base.lock?.sources[name]]);
  return { ...(base.lock ?? resolved), parts: resolved.parts, sources: Object.fromEntries(sources) };
}
