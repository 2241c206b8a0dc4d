import { didYouMean, isEngineshedError } from '../errors/index.js';
import { mergeRules } from '../mirrors/index.js';
import { catalogFault } from './fault.js';
import { findEngine } from './find.js';
import { replaceRegistry } from './replace.js';
import type { Catalog, CatalogEngine, CatalogEntry, Catalogs, OwnOrShared, SourceTemplate } from './types.js';

/** How to merge catalogs. */
export interface MergeOptions {
  /** What takes the place of the registries that the catalogs name: `HOST[:PORT][/PATH]` (see {@link replaceRegistry}). */
  readonly registry?: string | undefined;
}

/**
 * Makes one of several catalogs. Of two engines with one name, or families with one pattern, the later catalog's counts, as
 * does the later `default`, and of two registries with one prefix the later. A shared table is looked up in the engine's
 * own catalog, then in the ones before it, the nearest first.
 * @param catalogs the built-in one first, then what may override it
 * @throws EngineshedError `CONFIG_INVALID` where an engine names a shared table that there is not, a part is in a source
 *   that its engine lacks, or `default` is no engine; `REFERENCE_INVALID` for a registry that is none
 */
export function mergeCatalogs(catalogs: readonly Catalog[], options: MergeOptions = {}): Catalogs {
  const entries = new Map<string, CatalogEntry>();
  for (const [at, catalog] of catalogs.entries()) {
    const visible = catalogs.slice(0, at + 1).reverse();
    for (const [name, engine] of catalog.engines) {
      entries.delete(name);
      entries.set(name, completeEngine(catalog, engine, visible, options));
    }
  }
  const chosen = catalogs.findLast((catalog) => catalog.defaultEngine !== undefined);
  const merged = {
    defaultEngine: chosen?.defaultEngine,
    entries,
    registries: mergeRules(...catalogs.map(({ registries }) => registries)),
  };
  if (chosen !== undefined) checkDefault(chosen, merged);
  return merged;
}

function completeEngine(
  catalog: Catalog,
  engine: CatalogEngine,
  visible: readonly Catalog[],
  { registry }: MergeOptions,
): CatalogEntry {
  const { pattern, kind, description } = engine;
  const look = <T>(
    wanted: OwnOrShared<T>,
    key: string,
    tables: (from: Catalog) => ReadonlyMap<string, readonly T[]>,
  ) =>
    'own' in wanted ? wanted.own : lookUp(catalog, [pattern.text, key], wanted.shared, visible.map(tables));
  const parts = look(engine.parts, 'parts', (from) => from.parts);
  const strayed = parts.find((part) => !Object.hasOwn(engine.sources, part.source));
  if (strayed !== undefined) {
    throw catalogFault(
      source(catalog),
      ['engines', pattern.text, 'parts'],
      `the part "${strayed.type}" is in a source "${strayed.source}", which the engine has not`,
      { hint: `Name a source of the engine "${strayed.source}".` },
    );
  }
  return {
    name: pattern.text,
    pattern,
    kind,
    description,
    catalog: catalog.origin.name,
    sources: Object.fromEntries(
      Object.entries(engine.sources).map(([name, template]) => [
        name,
        replaceSource(template, catalog.images, registry),
      ]),
    ),
    parts,
    environment: look(engine.environment, 'environment', (from) => from.environments),
  };
}

function replaceSource(
  template: SourceTemplate,
  images: string | undefined,
  registry: string | undefined,
): SourceTemplate {
  if (template.kind !== 'image' || registry === undefined) return template;
  return { ...template, ...replaceRegistry(template, images, registry) };
}

function lookUp<T>(
  catalog: Catalog,
  [engine, key]: readonly [string, string],
  name: string,
  tables: readonly ReadonlyMap<string, readonly T[]>[],
): readonly T[] {
  const found = tables.find((table) => table.has(name))?.get(name);
  if (found !== undefined) return found;
  const names = tables.flatMap((table) => [...table.keys()]);
  const hint = didYouMean(name, names) ?? (names.length > 0 ? `There are: ${names.join(', ')}.` : undefined);
  const shared = key === 'parts' ? 'parts' : 'environments';
  throw catalogFault(source(catalog), ['engines', engine, key], `there is no table [${shared}.${name}]`, {
    hint,
  });
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
