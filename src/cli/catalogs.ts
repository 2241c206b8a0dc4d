import { type Catalogs, loadCatalogs } from '../catalog/index.js';
import { projectFiles, refusePlanted } from '../shim/project.js';
import type { Host } from './host.js';
import { userConfiguration } from './places.js';

/**
 * The catalogs of this run: the built-in one, the user's file, the project's file (the nearest `engineshed.toml` upward); later
 * ones win.
 * @param registry `--registry`
 * @throws EngineshedError `CONFIG_INVALID`, `REFERENCE_INVALID`
 */
export function openCatalogs(host: Host, registry: string | undefined): Promise<Catalogs> {
  const [project] = projectFiles(host.directory);
  return openCatalogsWith(host, project, registry);
}

/**
 * The same with the file of a project that is known.
 * @param project its absolute path
 * @throws EngineshedError `CONFIG_INVALID`, `REFERENCE_INVALID`
 */
export function openCatalogsWith(
  host: Host,
  project: string | undefined,
  registry: string | undefined,
): Promise<Catalogs> {
  const user = { path: userConfiguration(host), ifMissing: 'skip', owner: 'user' } as const;
  if (project !== undefined) refusePlanted(project, host.userId);
  const files =
    project === undefined ? [user] : [user, { path: project, ifMissing: 'skip', owner: 'project' } as const];
  return loadCatalogs(files, { registry });
}
