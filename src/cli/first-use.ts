import type { NamedEngine } from '../engine/names.js';
import type { Candidate } from '../shim/index.js';
import { openCatalogs } from './catalogs.js';
import type { Host } from './host.js';
import { withProgress } from './output.js';
import { installEngine } from './run/install.js';

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

/**
 * Installs an engine that a command needs. Tells of it on the error stream only: the output is the command's.
 * @throws EngineshedError as `install` does
 */
export async function installMissing(host: Host, wanted: NamedEngine): Promise<void> {
  await withProgress(host, (report) => installEngine(host, {}, wanted.name, report));
}

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
