import type { Catalogs } from '../../catalog/index.js';
import type { Reporter } from '../../content/index.js';
import { type EngineDefinition, resolveEngine } from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import { formatPlatform, nodePlatform, nodeSystem, type Reference } from '../../oci/index.js';
import { type Pin, useEngine, useFirstEngine } from '../../shim/index.js';
import {
  applyInstall,
  asOneChange,
  type InstallPlan,
  planInstall,
  type Remembered,
  refuseFetching,
  refuseUnknown,
  rememberingTarget,
  type Store,
  sweepStore,
} from '../../store/index.js';
import { admitLock } from '../admission.js';
import { openCatalogs } from '../catalogs.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { explainHubReference } from '../hub-reference.js';
import { planJson, printPlan, printResult } from '../install-output.js';
import { define, otherPlatform } from '../named-engine.js';
import { printJson, withProgress } from '../output.js';
import { imageSource, projectHere, requireProject, withProject } from '../project.js';
import { currentLock, exactLock, installLock } from '../project-install.js';
import { printWritten, type WrittenProject } from '../project-output.js';
import { checkLock, requirementJson, warnOfUnmet } from '../requirements.js';
import { isOffline, openStore, openTargets } from '../runtime.js';

/** The flags of `engineshed install`. */
interface InstallFlags {
  readonly name?: string;
  readonly use?: boolean;
  readonly locked?: boolean;
  readonly platform?: string;
  readonly dryRun?: boolean;
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Installs an engine: in a project the one that it is for, unless another is named. */
export async function install(this: Host, flags: InstallFlags, asked?: string): Promise<void> {
  const pin = asked === undefined && flags.name === undefined ? projectHere(this) : undefined;
  if (pin !== undefined) return installProject(this, flags, pin);
  if (flags.locked) {
    requireProject(this);
    throw new EngineshedError('USAGE', '--locked installs the engine of the project, and takes no other', {
      hint: 'Leave out the name of the engine.',
    });
  }
  const done = await withProgress(this, (report) => installEngine(this, flags, asked, report));
  await tell(this, flags, done, null);
}

/** Tells what an install did, or would do, and what of what the engine needs the machine lacks. */
async function tell(
  host: Host,
  flags: InstallFlags,
  { plan, activated }: { readonly plan: InstallPlan; readonly activated: boolean },
  project: WrittenProject | null,
): Promise<void> {
  const requirements = plan.lock.platform === undefined ? await checkLock(host, plan.lock) : [];
  if (flags.json) {
    const about = { ...planJson(plan), project, requirements: requirements.map(requirementJson) };
    printJson(host, flags.dryRun ? { dryRun: true, ...about } : { ...about, activated });
  } else if (flags.dryRun) printPlan(host, plan);
  else printResult(host, plan, activated);
  if (project !== null && !flags.json) printWritten(host, project);
  warnOfUnmet(host, requirements);
}

/**
 * Installs what the flags and arguments of `install` ask for.
 * @throws EngineshedError as `resolveEngine` and `applyInstall` do, `USAGE`, `ENGINE_UNKNOWN`
 */
export async function installEngine(
  host: Host,
  flags: InstallFlags,
  asked: string | undefined,
  report: Reporter,
): Promise<{ plan: InstallPlan; activated: boolean }> {
  const catalogs = await openCatalogs(host, flags.registry);
  const definition = define(host, catalogs, flags, asked);
  const canonical =
    flags.registry === undefined
      ? definition
      : define(host, await openCatalogs(host, undefined), flags, asked);
  try {
    return await installDefinition(host, flags, catalogs, { definition, canonical }, report);
  } catch (error) {
    throw explainHubReference(catalogs, asked, error);
  }
}

/** An engine as it is asked for. */
export interface WantedEngine {
  readonly definition: EngineDefinition;
  /** The same with the references of its catalog, where `--registry` made others of them. */
  readonly canonical: EngineDefinition;
}

/**
 * Installs an engine as it is defined.
 * @throws EngineshedError as `resolveEngine`, `admit` and `applyInstall` do, `OFFLINE`
 */
export async function installDefinition(
  host: Host,
  flags: Omit<InstallFlags, 'name' | 'locked'>,
  catalogs: Catalogs,
  { definition: { sources, ...definition }, canonical }: WantedEngine,
  report: Reporter,
): Promise<{ plan: InstallPlan; activated: boolean }> {
  const store = openStore(host, report);
  const targets = openTargets(host, catalogs, flags, report);
  const remembered: Remembered = new Map();
  const target = ({ reference }: { readonly reference: Reference }) =>
    rememberingTarget(store, targets.readable(reference), remembered);
  const content = (name: string) => {
    const source = sources[name];
    if (source === undefined || source.kind === 'directory')
      throw new EngineshedError('INTERNAL', `The source ${name} has no layers to fetch`);
    return target(source);
  };
  const offline = isOffline(host, flags);
  const platform = otherPlatform(host, flags);
  try {
    if (offline) await refuseUnknown(store, { ...definition, sources });
    const resolved = await resolveEngine(
      { ...definition, sources },
      {
        target,
        platform: platform ?? nodePlatform(host.platform, host.architecture),
        directoryExists: isDirectory,
        report,
      },
    );
    const lock = platform === undefined ? resolved : { ...resolved, platform: formatPlatform(platform) };
    const admission = await admitLock(host, {
      catalogs,
      store,
      lock,
      canonical,
      followed: () => true,
      target: (name) => targets.readable(imageSource({ sources }, name).reference),
      remembered,
      keeping: flags.dryRun ? 'leave' : 'keep',
    });
    let plan = planInstall(store, lock);
    if (offline) refuseFetching(plan);
    if (flags.dryRun) return { plan, activated: false };
    const activate = async (within: Store) => {
      if (!flags.use) return useFirstEngine(within, lock.name);
      await useEngine(within, lock.name);
      return true;
    };
    if (plan.upToDate) {
      await sweepStore(store);
      return { plan, activated: await activate(store) };
    }
    const system = platform === undefined ? host.platform : nodeSystem(platform.os);
    return await asOneChange(store, `install ${lock.name}`, async (within) => {
      const inputs = { content, remembered, admission, platform: system };
      ({ plan } = await applyInstall(within, plan, inputs));
      return { plan, activated: await activate(within) };
    });
  } finally {
    targets.close();
  }
}

async function installProject(host: Host, flags: InstallFlags, pin: Pin): Promise<void> {
  if (flags.platform !== undefined) {
    throw new EngineshedError('USAGE', "A project's engine is installed for this machine's platform", {
      hint: `Name the engine to install it for another one: engineshed install ${pin.name} --platform ${flags.platform}`,
    });
  }
  const use = flags.dryRun ? 'plan-only' : flags.use ? 'use' : 'leave';
  const done = await withProgress(host, (report) =>
    withProject(host, flags, pin, report, async (project) => {
      const lock = flags.locked ? exactLock(host, project) : await currentLock(host, project);
      return installLock(host, project, lock, use);
    }),
  );
  await tell(host, flags, done, { file: pin.file, lock: pin.lock, written: done.written });
}
