import { compareEngines, type EngineLock, noEngine, type SourceChange } from '../../engine/index.js';
import { didYouMean, EngineshedError } from '../../errors/index.js';
import type { Pin } from '../../shim/index.js';
import { baseOf, type InstallPlan, installedLock, refuseLookingForNewer } from '../../store/index.js';
import { openCatalogs } from '../catalogs.js';
import { changedSources, printChanges } from '../changes.js';
import { chooseEngine, openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { planJson, printResult } from '../install-output.js';
import { installedDefinition } from '../installed.js';
import { readLock } from '../lock-file.js';
import { printJson, printLine, withProgress } from '../output.js';
import { lockProject, type Project, projectHere, withProject } from '../project.js';
import { installLock, keptSources } from '../project-install.js';
import { printWritten, type WrittenProject } from '../project-output.js';
import { isOffline } from '../runtime.js';
import { installDefinition } from './install.js';

/** The flags of `engineshed update`. */
interface UpdateFlags {
  readonly dryRun?: boolean;
  readonly registry?: string;
  readonly plainHttp?: readonly string[];
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** What an update did, or would do. */
interface Updated {
  readonly plan: InstallPlan;
  readonly activated: boolean;
  readonly changes: readonly SourceChange[];
  /** Null outside a project. */
  readonly project: WrittenProject | null;
}

/** Moves a project or an installed engine on. */
export async function update(this: Host, flags: UpdateFlags, ...names: string[]): Promise<void> {
  const pin = projectHere(this);
  const updated =
    pin === undefined ? await updateEngine(this, flags, names) : await updateProject(this, flags, pin, names);
  const { plan, activated, changes, project } = updated;
  if (flags.json) {
    const { dryRun } = flags;
    const document = { ...planJson(plan), changes, project };
    printJson(this, dryRun ? { dryRun: true, ...document } : { ...document, activated });
    return;
  }
  printChanges(this, changes);
  if (flags.dryRun) {
    const id = plan.id.slice(0, 8);
    if (changes.length === 0) printLine(this, `${plan.lock.name} is up to date (${id}).`);
    else printLine(this, `${plan.lock.name} would become ${id}.`);
    return;
  }
  printResult(this, plan, activated);
  if (project !== null) printWritten(this, project);
}

async function updateProject(
  host: Host,
  flags: UpdateFlags,
  pin: Pin,
  names: readonly string[],
): Promise<Updated> {
  return withProgress(host, (report) =>
    withProject(host, flags, pin, report, async (project) => {
      refuseUnknownSources(project, names);
      const before = readLock(host, project.lock);
      const stays = (name: string) => names.length > 0 && !names.includes(name);
      if (project.isOffline)
        refuseLookingForNewer(
          project.definition,
          Object.keys(project.definition.sources).filter((name) => !stays(name)),
        );
      const lock = await lockProject(host, project, keptSources(project, before, stays));
      const done = await installLock(host, project, lock, flags.dryRun ? 'plan-only' : 'leave');
      return {
        plan: done.plan,
        activated: done.activated,
        changes: changedSources(compareEngines(before ?? noEngine, lock)),
        project: { file: pin.file, lock: pin.lock, written: done.written },
      };
    }),
  );
}

function refuseUnknownSources({ definition }: Project, names: readonly string[]): void {
  const known = Object.keys(definition.sources);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new EngineshedError(
    'SOURCE_UNKNOWN',
    `The engine ${definition.name} of the project has no source "${unknown}"`,
    { hint: didYouMean(unknown, known) ?? `There are: ${known.join(', ')}.` },
  );
}

async function updateEngine(host: Host, flags: UpdateFlags, names: readonly string[]): Promise<Updated> {
  if (names.length > 1)
    throw new EngineshedError('USAGE', `There is an argument too many: "${names[1]}"`, {
      hint: 'Outside a project one engine is updated: engineshed update ENGINE',
    });
  const { engine } = await chooseEngine(host, names[0], 'tell');
  const paths = openPaths(host);
  // What a working copy stands in for moves on beneath it.
  const before: EngineLock = installedLock(paths, baseOf(paths, engine));
  const { plan, activated } = await withProgress(host, async (report) => {
    const catalogs = await openCatalogs(host, flags.registry);
    const platform = before.platform === undefined ? {} : { platform: before.platform };
    const definition = installedDefinition(catalogs, before);
    if (isOffline(host, flags)) refuseLookingForNewer(definition, Object.keys(definition.sources));
    const canonical =
      flags.registry === undefined
        ? definition
        : installedDefinition(await openCatalogs(host, undefined), before);
    return installDefinition(host, { ...flags, ...platform }, catalogs, { definition, canonical }, report);
  });
  const changes = changedSources(compareEngines(before, plan.lock));
  return { plan, activated, changes, project: null };
}
