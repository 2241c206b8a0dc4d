import { isEngineshedError } from '../errors/index.js';
import { mergeRules } from '../mirrors/index.js';
import { CompletedEngines } from './complete.js';
import { catalogFault } from './fault.js';
import { findEngine } from './find.js';
import { replaceRegistry } from './replace.js';
import type { Catalog, CatalogEntry, Catalogs, ProjectPin, SourceOverride } from './types.js';

/** How to merge catalogs. */
export interface MergeOptions {
  /** What takes the place of the registries that the catalogs name: `HOST[:PORT][/PATH]` (see {@link replaceRegistry}). */
  readonly registry?: string | undefined;
}

/**
 * Makes one of several catalogs. Of two engines with one name, or families with one pattern, the later catalog's counts, as
 * does the later `default`, and of two registries with one prefix the later. Of policies all count, those of one name too. A shared table is looked up in the engine's
 * own catalog, then in the ones before it, the nearest first; an engine that another one extends is looked for there too (see
 * {@link findBase}).
 * @param catalogs the built-in one first, then what may override it
 * @throws EngineshedError `CONFIG_INVALID` where an engine names a shared table that there is not, a part is in a source
 *   that its engine lacks, or `default` is no engine; `REFERENCE_INVALID` for a registry that is none
 */
export function mergeCatalogs(catalogs: readonly Catalog[], options: MergeOptions = {}): Catalogs {
  const entries = new Map<string, CatalogEntry>();
  for (const [at, catalog] of catalogs.entries()) {
    const completed = new CompletedEngines(
      catalog,
      catalogs.slice(0, at).reverse(),
      new Map(entries),
      options.registry,
    );
    for (const [name, engine] of catalog.engines) {
      const entry = completed.complete(engine);
      entries.delete(name);
      entries.set(name, entry);
    }
  }
  const chosen = catalogs.findLast((catalog) => catalog.defaultEngine !== undefined);
  const pinning = catalogs.findLast((catalog) => catalog.pin !== undefined);
  const merged = {
    pin: pinning?.pin && { ...replacePin(pinning, pinning.pin, options), file: source(pinning) },
    defaultEngine: chosen?.defaultEngine,
    installMissing: catalogs.findLast(({ installMissing }) => installMissing !== undefined)?.installMissing,
    entries,
    release: catalogs.findLast(({ release }) => release !== undefined)?.release,
    policies: catalogs.flatMap(({ policies }) => policies),
    registries: mergeRules(...catalogs.map(({ registries }) => registries)),
  };
  if (chosen !== undefined) checkDefault(chosen, merged);
  return merged;
}

function replacePin(
  { images }: Catalog,
  { engine, overrides }: ProjectPin,
  { registry }: MergeOptions,
): ProjectPin {
  const replaced = [...overrides].map(([name, override]): [string, SourceOverride] => {
    if (override.kind !== 'image' || registry === undefined) return [name, override];
    const reference = { ...override.reference, ...replaceRegistry(override.reference, images, registry) };
    return [name, { kind: 'image', reference }];
  });
  return { engine, overrides: new Map(replaced) };
}

function checkDefault(catalog: Catalog, merged: Catalogs): void {
  try {
    findEngine(merged, catalog.defaultEngine ?? '');
  } catch (error) {
    if (!isEngineshedError(error, 'ENGINE_UNKNOWN')) throw error;
    const problem = `there is no engine "${catalog.defaultEngine}"`;
    throw catalogFault(source(catalog), ['default'], problem, { hint: error.hint, cause: error });
  }
}

function source(catalog: Catalog) {
  return { name: catalog.origin.name, text: catalog.text };
}
