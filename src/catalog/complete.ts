import { didYouMean } from '../errors/index.js';
import { type ExtendableContent, extendContent, findBase, type Table } from './extend.js';
import { catalogFault } from './fault.js';
import { memberEntry } from './find.js';
import { replaceRegistry } from './replace.js';
import type { Catalog, CatalogEngine, CatalogEntry, OwnOrShared, SourceTemplate } from './types.js';

/** The most engines that a chain of `extends` may have. */
const maxChain = 32;

/** Where a file has what an engine takes by name, by the key of the engine. */
const sharedTables = {
  parts: 'parts',
  environment: 'environments',
  commands: 'commands',
  requires: 'requirements',
} as const;

/** The engines of one catalog, made complete: with what they share, and what they extend. */
export class CompletedEngines {
  readonly #catalog: Catalog;
  readonly #visible: readonly Catalog[];
  readonly #earlier: ReadonlyMap<string, CatalogEntry>;
  readonly #registry: string | undefined;
  readonly #done = new Map<CatalogEngine, CatalogEntry>();

  /**
   * @param before the catalogs before, the nearest first, whose shared tables are looked into
   * @param earlier the engines of those catalogs
   * @param registry takes the place of the registries that the catalog names (see {@link replaceRegistry})
   */
  constructor(
    catalog: Catalog,
    before: readonly Catalog[],
    earlier: ReadonlyMap<string, CatalogEntry>,
    registry: string | undefined,
  ) {
    this.#catalog = catalog;
    this.#visible = [catalog, ...before];
    this.#earlier = earlier;
    this.#registry = registry;
  }

  /**
   * An engine of the catalog, complete.
   * @param below the engines that extend it, the outermost first
   * @throws EngineshedError `CONFIG_INVALID`, `REFERENCE_INVALID` for a registry that is none
   */
  complete(engine: CatalogEngine, below: readonly string[] = []): CatalogEntry {
    const known = this.#done.get(engine);
    if (known !== undefined) return known;
    const made = this.#make(engine, below);
    this.#check(made);
    this.#done.set(engine, made);
    return made;
  }

  #make(engine: CatalogEngine, below: readonly string[]): CatalogEntry {
    const { pattern, kind } = engine;
    const base = engine.extends === undefined ? undefined : this.#base(engine, engine.extends, below);
    const earlier = this.#earlier.get(pattern.text);
    // What an engine was by in an earlier catalog it stays, for policies.
    const bases = [
      ...(base === undefined ? [] : [base.pattern.text, ...base.bases]),
      ...(earlier?.bases ?? []),
    ];
    const own: ExtendableContent = {
      sources: mapValues(engine.sources, (template) => this.#replaceSource(template)),
      parts: this.#table(engine, 'parts', engine.parts, (from) => from.parts),
      environment: this.#table(engine, 'environment', engine.environment, (from) => from.environments),
      commands: this.#table(engine, 'commands', engine.commands, (from) => from.commands),
      requires: this.#table(engine, 'requires', engine.requires, (from) => from.requirements),
    };
    return {
      name: pattern.text,
      pattern,
      kind,
      description: engine.description ?? base?.description ?? '',
      catalog: this.#catalog.origin.name,
      // One of its own name is an earlier catalog's.
      bases: [...new Set(bases)].filter((name) => name !== pattern.text),
      replaced: earlier === undefined ? [] : [...Object.values(earlier.sources), ...earlier.replaced],
      ...extendContent(base, own),
    };
  }

  #base(engine: CatalogEngine, wanted: string, below: readonly string[]): CatalogEntry {
    const name = engine.pattern.text;
    const chain = [...below, name];
    const refuse = (problem: string, hint?: string) => this.#fault([name, 'extends'], problem, hint);
    if (chain.length > maxChain) throw refuse(`leads through more than ${maxChain} engines`);
    const found = findBase(wanted, engine, this.#catalog.engines, this.#earlier);
    if (found === undefined) {
      const names = [...this.#catalog.engines.keys(), ...this.#earlier.keys()].filter(
        (known) => known !== name,
      );
      throw refuse(`there is no engine "${wanted}"`, didYouMean(wanted, names));
    }
    const { at, value } = found;
    if (below.includes(at.pattern.text) && 'extends' in at)
      throw refuse(`leads in a circle: ${[...chain, at.pattern.text].join(' -> ')}`);
    const base = 'extends' in at ? this.complete(at, chain) : at;
    if (value !== undefined) return memberEntry(base, value);
    if (base.pattern.placeholder === undefined || base.pattern.placeholder === engine.pattern.placeholder)
      return base;
    throw refuse(
      `"${wanted}" is a family of engines, and "${name}" is none like it`,
      'Name one of its engines.',
    );
  }

  #table<T>(
    engine: CatalogEngine,
    key: keyof typeof sharedTables,
    wanted: OwnOrShared<T> | undefined,
    tables: (from: Catalog) => ReadonlyMap<string, readonly T[]>,
  ): Table<T> | undefined {
    if (wanted === undefined) return undefined;
    if ('own' in wanted) return { entries: wanted.own, replaces: 'single' };
    const all = this.#visible.map(tables);
    const entries = all.find((table) => table.has(wanted.shared))?.get(wanted.shared);
    if (entries !== undefined) return { entries, replaces: 'all' };
    const names = all.flatMap((table) => [...table.keys()]);
    const hint =
      didYouMean(wanted.shared, names) ?? (names.length > 0 ? `There are: ${names.join(', ')}.` : undefined);
    const problem = `there is no table [${sharedTables[key]}.${wanted.shared}]`;
    throw this.#fault([engine.pattern.text, key], problem, hint);
  }

  #replaceSource(template: SourceTemplate): SourceTemplate {
    if (template.kind !== 'image' || this.#registry === undefined) return template;
    return { ...template, ...replaceRegistry(template, this.#catalog.images, this.#registry) };
  }

  #check({ name, pattern, parts, sources, commands }: CatalogEntry): void {
    const strayed = parts.find((part) => !Object.hasOwn(sources, part.source));
    if (strayed !== undefined) {
      throw this.#fault(
        [name, 'parts'],
        `the part "${strayed.type}" is in a source "${strayed.source}", which the engine has not`,
        `Name a source of the engine "${strayed.source}".`,
      );
    }
    const types = parts.map(({ type }) => type);
    const homeless = commands.find(({ part }) => !types.includes(part));
    if (homeless !== undefined) {
      throw this.#fault(
        [name, 'commands'],
        `the command "${homeless.name}" is in a part "${homeless.part}", which the engine has not`,
        didYouMean(homeless.part, types),
      );
    }
    const isTagged = ({ tag }: { readonly tag?: string | undefined }) => tag?.includes('{') === true;
    const images = Object.values(sources).filter((template) => template.kind !== 'directory');
    if (pattern.placeholder !== undefined && !images.some(isTagged))
      throw this.#fault([name], `no source has {${pattern.placeholder}} in its tag`);
  }

  #fault(path: readonly string[], problem: string, hint?: string) {
    const { origin, text } = this.#catalog;
    return catalogFault({ name: origin.name, text }, ['engines', ...path], problem, { hint });
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
