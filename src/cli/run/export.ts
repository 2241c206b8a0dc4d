import { resolve } from 'node:path';
import { type Catalogs, engineLineage } from '../../catalog/index.js';
import type { CopyResult, Reporter } from '../../content/index.js';
import {
  type EngineLock,
  lockId,
  refuseDirectories,
  resolveEngine,
  writeEngine,
} from '../../engine/index.js';
import { EngineshedError, isEngineshedError } from '../../errors/index.js';
import { formatPlatform, namesPath, nodePlatform, parseReference } from '../../oci/index.js';
import { readEngine, readEngineLock, rememberingTarget, type Store, steadily } from '../../store/index.js';
import { policiesFor, repositoryName } from '../../trust/index.js';
import { openCatalogs } from '../catalogs.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { define, otherPlatform } from '../named-engine.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { type NetworkFlags, openStore, openTargets, type Targets } from '../runtime.js';
import { count } from '../text.js';
import { alsoSent, nothingSent } from './copy.js';

/** The flags of `engineshed export`. */
interface ExportFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly replace?: boolean;
  readonly registry?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Exported {
  readonly lock: EngineLock;
  readonly asInstalled: boolean;
  readonly result: CopyResult;
}

/** Writes an engine to a file. */
export async function exportEngine(
  this: Host,
  flags: ExportFlags,
  engine: string,
  file: string,
): Promise<void> {
  if (namesPath(file) || file === '') {
    throw new EngineshedError('USAGE', `"${file}" is no path of a file`, {
      hint: 'Name the file alone; it becomes an OCI archive.',
    });
  }
  const { lock, asInstalled, result } = await withProgress(this, (report) =>
    carryOut(this, flags, { engine, file }, report),
  );
  const id = lockId(lock);
  const images = [...new Set(imagesOf(lock))];
  if (flags.json) {
    const { sentBytes, referrers } = result;
    const path = resolve(this.directory, file);
    const dryRun = flags.dryRun ? { dryRun: true } : {};
    printJson(this, {
      ...dryRun,
      name: lock.name,
      id,
      file: path,
      asInstalled,
      images,
      sentBytes,
      referrers,
    });
    return;
  }
  const state = asInstalled ? 'as it is installed' : 'as it stands now';
  printLine(
    this,
    `${lock.name} (${id.slice(0, 8)}), ${state}, ${flags.dryRun ? 'would be' : 'is'} in ${file}`,
  );
  const sent = flags.dryRun ? '' : `, ${formatBytes(result.sentBytes)}${alsoSent(result.referrers)}`;
  printLine(this, `${count(images.length, 'image')}${sent}`);
}

function imagesOf({ sources }: EngineLock): string[] {
  return Object.values(sources).flatMap((source) =>
    source.kind === 'directory' ? [] : [source.manifest.digest],
  );
}

async function carryOut(
  host: Host,
  flags: ExportFlags,
  { engine, file }: { readonly engine: string; readonly file: string },
  report: Reporter,
): Promise<Exported> {
  const catalogs = await openCatalogs(host, flags.registry);
  const store = openStore(host, report);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    const installed = installedLock(store, flags, engine);
    const lock = installed ?? (await resolveNow(host, flags, { catalogs, store, targets, engine }, report));
    if (flags.dryRun) return { lock, asInstalled: installed !== undefined, result: nothingSent };
    const content = (source: string) => {
      const locked = lock.sources[source];
      if (locked === undefined || locked.kind === 'directory')
        throw new EngineshedError('INTERNAL', `The source ${source} is no image`);
      return rememberingTarget(store, targets.readable(parseReference(locked.reference)), new Map());
    };
    const referrers = flags.referrers ? 'bring' : 'leave';
    if (!flags.referrers && isGoverned(catalogs, lock)) report({ type: 'warning', message: unsigned });
    const to = { transport: 'oci-archive', path: file } as const;
    const result = await targets.write(to, flags.replace ? 'replace' : 'refuse', (target) =>
      writeEngine(lock, target, { content, referrers, report }),
    );
    return { lock, asInstalled: installed !== undefined, result };
  } finally {
    targets.close();
  }
}

const unsigned =
  'a policy asks for signatures, and the file has none: with --referrers they are in it, and it can be verified where it is imported';

function isGoverned(catalogs: Catalogs, { name, sources }: EngineLock): boolean {
  if (catalogs.policies.length === 0) return false;
  const images = Object.values(sources).flatMap((source) =>
    source.kind === 'directory' ? [] : [repositoryName(parseReference(source.reference))],
  );
  return policiesFor(catalogs.policies, { engines: engineLineage(catalogs, name), images }).length > 0;
}

/** What is installed under the name, unless another platform or registry is asked for. */
function installedLock(store: Store, flags: ExportFlags, name: string): EngineLock | undefined {
  const isImage = name.includes('/') || namesPath(name);
  if (isImage || flags.platform !== undefined || flags.registry !== undefined) return undefined;
  try {
    return steadily(() => {
      const engine = readEngine(store.paths, name);
      refuseDirectories(engine);
      return readEngineLock(store.paths, engine);
    });
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_NOT_INSTALLED')) return undefined;
    throw error;
  }
}

async function resolveNow(
  host: Host,
  flags: ExportFlags,
  from: {
    readonly catalogs: Catalogs;
    readonly store: Store;
    readonly targets: Targets;
    readonly engine: string;
  },
  report: Reporter,
): Promise<EngineLock> {
  const platform = otherPlatform(host, flags);
  const target = ({ reference }: { readonly reference: Parameters<Targets['readable']>[0] }) =>
    rememberingTarget(from.store, from.targets.readable(reference), new Map());
  const lock = await resolveEngine(define(host, from.catalogs, {}, from.engine), {
    target,
    platform: platform ?? nodePlatform(host.platform, host.architecture),
    directoryExists: isDirectory,
    report,
  });
  return platform === undefined ? lock : { ...lock, platform: formatPlatform(platform) };
}
