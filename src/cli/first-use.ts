import type { ProgressEvent, Reporter } from '../content/types.js';
import { formatNamedEngine, type NamedEngine } from '../engine/names.js';
import type { Candidate } from '../shim/index.js';
import { openCatalogs } from './catalogs.js';
import type { Host } from './host.js';
import { withProgress } from './output.js';
import { projectHere, withProject } from './project.js';
import { currentLock, exactLock, installLock } from './project-install.js';
import { installEngine } from './run/install.js';

export { findUncovered, printUncovered } from './uncovered.js';

/**
 * Whether an engine may be installed because a command needs it: as `ENGINESHED_INSTALL_MISSING` says, else as `install-missing` of
 * the user's file says, else not where `CI` is set.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export async function mayInstall(host: Host): Promise<boolean> {
  const { ENGINESHED_INSTALL_MISSING = '', CI = '' } = host.environment;
  if (ENGINESHED_INSTALL_MISSING !== '') return isOn(ENGINESHED_INSTALL_MISSING);
  const { installMissing } = await openCatalogs(host, undefined);
  return installMissing ?? !isOn(CI);
}

/** What says which engine is needed: the project, whose lock may name one exact state, or anything else that names an engine. */
export type Asker = 'project' | 'other';

/**
 * Installs an engine that a command needs. Tells of it on the error stream only, since the output is the command's, and only once it is
 * found.
 * @throws EngineshedError as `install` does
 */
export async function installMissing(host: Host, wanted: NamedEngine, asker: Asker): Promise<void> {
  await withProgress(host, async (show) => {
    const report = tellingFirst(host, wanted, show);
    const pin = asker === 'project' ? projectHere(host) : undefined;
    if (pin === undefined) await installEngine(host, {}, wanted.name, report);
    else
      await withProject(host, {}, pin, report, async (project) => {
        // A lock is not changed in passing.
        const lock = wanted.id === undefined ? await currentLock(host, project) : exactLock(host, project);
        await installLock(host, project, lock, 'leave');
      });
  });
}

/** Says what is being installed before the first event that tells that there is such an engine. */
function tellingFirst(host: Host, wanted: NamedEngine, report: Reporter): Reporter {
  let isTold = false;
  return (event) => {
    if (!isTold && !beforeFound.includes(event.type)) {
      isTold = true;
      host.process.stderr.write(
        `${formatNamedEngine(wanted)} is not installed yet, and is being installed\n`,
      );
    }
    report(event);
  };
}

/** What is told of the way to an engine, whether it is there or not. */
const beforeFound: readonly ProgressEvent['type'][] = ['warning', 'waiting'];

/**
 * What the catalogs say: their default.
 * @throws EngineshedError `CONFIG_INVALID`
 */
export async function catalogCandidate(host: Host): Promise<Candidate> {
  const { defaultEngine: name } = await openCatalogs(host, undefined);
  const about = { by: 'catalog', place: 'the catalogs' } as const;
  return name === undefined ? about : { ...about, engine: { name, id: undefined } };
}

function isOn(value: string): boolean {
  return !['', '0', 'false'].includes(value);
}
