import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Catalogs, loadCatalogs } from '../catalog/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Host } from './host.js';
import { userConfiguration } from './places.js';

/** The name of a project's configuration file. */
const projectFile = 'engineshed.toml';

/**
 * The catalogs of this run: the built-in one, the user's file, the project's file (the nearest `engineshed.toml` upward); later
 * ones win.
 * @param registry `--registry`
 * @throws EngineshedError `CONFIG_INVALID`, `REFERENCE_INVALID`
 */
export function openCatalogs(host: Host, registry: string | undefined): Promise<Catalogs> {
  const user = { path: userConfiguration(host), ifMissing: 'skip', owner: 'user' } as const;
  const project = nearestProjectFile(host.directory);
  if (project !== undefined) refusePlantedFile(host, project);
  const files =
    project === undefined ? [user] : [user, { path: project, ifMissing: 'skip', owner: 'project' } as const];
  return loadCatalogs(files, { registry });
}

function nearestProjectFile(directory: string): string | undefined {
  const path = join(directory, projectFile);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  const parent = dirname(directory);
  return parent === directory ? undefined : nearestProjectFile(parent);
}

/** In a directory where everybody may write, such as `/tmp`, a file of somebody else's is not the project's. */
function refusePlantedFile(host: Host, path: string): void {
  const owner = statSync(path, { throwIfNoEntry: false })?.uid;
  const isOpenToAll = (statSync(dirname(path)).mode & 0o002) !== 0;
  if (!isOpenToAll || host.userId === undefined || owner === host.userId || owner === 0) return;
  throw new EngineshedError(
    'CONFIG_INVALID',
    `${path} belongs to another user, in a directory where everybody may write`,
    {
      hint: 'Work in a directory of your own, or remove that file.',
      details: { path },
    },
  );
}
