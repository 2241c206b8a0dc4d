import { statSync } from 'node:fs';
import { EngineshedError } from '../errors/index.js';
import { readPointer } from '../files/pointer.js';
import { unlessMissing } from './missing.js';
import type { StorePaths } from './paths.js';
import type { InstalledEngine } from './record.js';

/** The directories that stand in the place of components of an engine on this machine, by component. */
export type Links = Readonly<Record<string, string>>;

/** The links that a state has in it. */
export function linksOf({ linked, sources }: InstalledEngine): Links {
  return Object.fromEntries((linked?.sources ?? []).map((name) => [name, sources[name]?.directory ?? '']));
}

/**
 * Refuses an engine whose working copy is gone: nothing could run from it.
 * @throws EngineshedError `PATH_NOT_FOUND`, `IO_FAILED`, `FILE_PERMISSION`
 */
export function refuseGone(name: string, links: Links): void {
  for (const [source, path] of Object.entries(links)) {
    if (unlessMissing(() => statSync(path)) !== undefined) continue;
    throw new EngineshedError(
      'PATH_NOT_FOUND',
      `In the engine ${name} the source ${source} is linked to ${path}, which is not there`,
      {
        hint: `Bring it back, or take the link out with: engineshed unlink ${source} --engine ${name}`,
        details: { path },
      },
    );
  }
}

/** The id of the state that stands in for one, with a user's directories in it; undefined where none does. */
export function linkedId(paths: StorePaths, name: string, id: string): string | undefined {
  const target = unlessMissing(() => readPointer(paths.engineLink(name, id)));
  return /^\.\.\/([0-9a-f]{16})$/.exec(target ?? '')?.[1];
}
