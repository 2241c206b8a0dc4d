import { resolve } from 'node:path';
import { openArchive, openLayout, type Reporter, type Target } from '../../content/index.js';
import { type EngineLock, type ReadEngine, readExportedEngines } from '../../engine/index.js';
import { ownerOf } from '../../files/index.js';
import { formatPlatform, nodePlatform, nodeSystem, parsePlatform } from '../../oci/index.js';
import { useEngine, useFirstEngine } from '../../shim/index.js';
import {
  applyInstall,
  asOneChange,
  type InstallPlan,
  planInstall,
  type Store,
  sweepStore,
} from '../../store/index.js';
import type { Admission } from '../../trust/admission.js';
import { admitLock } from '../admission.js';
import { openCatalogs } from '../catalogs.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { planJson, printPlan, printResult } from '../install-output.js';
import { printJson, withProgress } from '../output.js';
import { openStore } from '../runtime.js';

/** The flags of `engineshed import`. */
interface ImportFlags {
  readonly use?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** An engine of the file that may come in. */
interface ImportedEngine extends ReadEngine {
  readonly plan: InstallPlan;
  readonly admission: Admission;
}

interface Imported {
  readonly plan: InstallPlan;
  readonly activated: boolean;
}

/** Installs the engines of a file. */
export async function importEngines(this: Host, flags: ImportFlags, file: string): Promise<void> {
  const path = resolve(this.directory, file);
  const engines = await withProgress(this, (report) => carryOut(this, flags, path, report));
  if (flags.json) {
    const dryRun = flags.dryRun ? { dryRun: true } : {};
    const documents = engines.map(({ plan, activated }) => ({
      ...planJson(plan),
      ...(flags.dryRun ? {} : { activated }),
    }));
    printJson(this, { ...dryRun, file: path, engines: documents });
    return;
  }
  for (const { plan, activated } of engines) {
    if (flags.dryRun) printPlan(this, plan, 'read');
    else printResult(this, plan, activated, 'read');
  }
}

/** All of them are read and found to be right before the first is installed. */
async function carryOut(host: Host, flags: ImportFlags, path: string, report: Reporter): Promise<Imported[]> {
  const from = (await isDirectory(path))
    ? openLayout(path, ownerOf(host.pid))
    : openArchive('oci-archive', path, path);
  const store = openStore(host, report);
  const catalogs = await openCatalogs(host, undefined);
  const engines: ImportedEngine[] = [];
  for (const engine of await readExportedEngines(from)) {
    const read = { ...engine, lock: forThisMachine(host, engine.lock) };
    const admission = await admitLock(host, {
      catalogs,
      store,
      lock: read.lock,
      // A file says which digests; what a tag leads to is not asked.
      followed: () => false,
      target: () => from,
      remembered: new Map(engine.content),
      keeping: flags.dryRun ? 'leave' : 'keep',
    });
    engines.push({ ...read, admission, plan: planInstall(store, read.lock) });
  }
  if (flags.dryRun) return engines.map(({ plan }) => ({ plan, activated: false }));
  const install = async (within: Store) => {
    const imported: Imported[] = [];
    for (const engine of engines) {
      const plan = engine.plan.upToDate ? engine.plan : await installOne(host, within, engine, from);
      imported.push({ plan, activated: await activate(within, flags, engine.lock.name, imported.length) });
    }
    return imported;
  };
  if (engines.every(({ plan }) => plan.upToDate)) {
    await sweepStore(store);
    return install(store);
  }
  return asOneChange(store, `import ${engines.map(({ lock }) => lock.name).join(', ')}`, install);
}

async function activate(store: Store, flags: ImportFlags, name: string, before: number): Promise<boolean> {
  if (!flags.use || before > 0) return useFirstEngine(store, name);
  await useEngine(store, name);
  return true;
}

/** An engine that was exported for the platform that this machine has is its own, as if it had been installed here. */
function forThisMachine(host: Host, { platform, ...lock }: EngineLock): EngineLock {
  const own = formatPlatform(nodePlatform(host.platform, host.architecture));
  return platform === undefined || platform === own ? lock : { ...lock, platform };
}

async function installOne(
  host: Host,
  store: Store,
  { lock, content, plan, admission }: ImportedEngine,
  from: Target,
): Promise<InstallPlan> {
  const platform = lock.platform === undefined ? host.platform : nodeSystem(parsePlatform(lock.platform).os);
  const inputs = { content: () => from, remembered: new Map(content), admission, platform };
  return (await applyInstall(store, plan, inputs)).plan;
}
