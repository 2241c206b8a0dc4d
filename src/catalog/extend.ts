import { isInComponent, takenFrom } from '../engine/replace.js';
import type { CommandDefinition, EnvironmentRule } from '../engine/types.js';
import type { Requirement } from '../requirements/types.js';
import { matchPattern } from './pattern.js';
import type { CatalogEngine, CatalogEntry, PartTemplate, SourceTemplate } from './types.js';

/** Entries of an engine, and whether they take the place of single ones of the engine that it extends, or of all. */
export interface Table<T> {
  readonly entries: readonly T[];
  readonly replaces: 'single' | 'all';
}

/** What an engine says of its content; undefined where it says nothing. */
export interface ExtendableContent {
  readonly sources: Readonly<Record<string, SourceTemplate>>;
  readonly parts: Table<PartTemplate> | undefined;
  readonly environment: Table<EnvironmentRule> | undefined;
  readonly commands: Table<CommandDefinition> | undefined;
  readonly requires: Table<Requirement> | undefined;
}

/** The content of a complete engine. */
type Content = Pick<CatalogEntry, 'sources' | 'parts' | 'environment' | 'commands' | 'requires'>;

/**
 * Puts what an engine says into the content of the one that it extends:
 *
 * 1. A source takes the place of that of its name. A source of a new name takes the parts that are at the path `NAME` or
 *    `NAME/...` of a source, as `overrideSource` does.
 * 2. A part takes the place of that of its type; a variable, a command or a requirement that of its name; a new one comes after
 *    the others. A shared
 *    table, which is named and not written out, takes the place of all of them.
 * 3. A command of the other engine, whose part is there no more, is not there either.
 * 4. Where nothing is said of parts, a source of a new name that no part is in is one part, of its name.
 *
 * @param base undefined for an engine that extends none, which is like extending one without any content
 */
export function extendContent(base: Content | undefined, own: ExtendableContent): Content {
  const known = base ?? { sources: {}, parts: [], environment: [], commands: [], requires: [] };
  const added = Object.keys(own.sources).filter((name) => !Object.hasOwn(known.sources, name));
  const moved = known.parts.map((part) => {
    const component = added.find((name) => isInComponent(part, name));
    return component === undefined ? part : takenFrom(part, component);
  });
  const whole = added
    .filter((name) => !moved.some((part) => part.source === name))
    .map((name): PartTemplate => ({ type: name, source: name, path: '.' }));
  const parts = replaceBy(moved, own.parts ?? { entries: whole, replaces: 'single' }, (part) => part.type);
  const inherited = known.commands.filter((command) => parts.some(({ type }) => type === command.part));
  return {
    sources: { ...known.sources, ...own.sources },
    parts,
    environment: replaceBy(
      known.environment,
      own.environment ?? { entries: [], replaces: 'single' },
      (rule) => rule.name,
    ),
    commands: replaceBy(
      inherited,
      own.commands ?? { entries: [], replaces: 'single' },
      (command) => command.name,
    ),
    requires: replaceBy(
      known.requires,
      own.requires ?? { entries: [], replaces: 'single' },
      (requirement) => requirement.name,
    ),
  };
}

/** An engine that another one extends, and what the placeholder of its family stands for. */
interface FoundBase {
  readonly at: CatalogEngine | CatalogEntry;
  readonly value: string | undefined;
}

/**
 * Finds the engine that another one extends: of that very name or pattern, else the family that has the name as a member;
 * engines of the same catalog first, then those of earlier ones, later ones first.
 * @param own the engine that extends it; one of its own name is an earlier catalog's
 */
export function findBase(
  name: string,
  own: CatalogEngine,
  beside: ReadonlyMap<string, CatalogEngine>,
  earlier: ReadonlyMap<string, CatalogEntry>,
): FoundBase | undefined {
  const exact = name === own.pattern.text ? earlier.get(name) : (beside.get(name) ?? earlier.get(name));
  if (exact !== undefined) return { at: exact, value: undefined };
  const families = [...earlier.values(), ...beside.values()].filter(({ pattern }) => pattern.placeholder);
  for (const at of families.reverse()) {
    const value = at === own ? undefined : matchPattern(at.pattern, name);
    if (value !== undefined) return { at, value };
  }
  return undefined;
}

function replaceBy<T>(base: readonly T[], own: Table<T>, keyOf: (entry: T) => string): readonly T[] {
  if (own.replaces === 'all') return own.entries;
  const byKey = new Map(base.map((entry) => [keyOf(entry), entry]));
  for (const entry of own.entries) byKey.set(keyOf(entry), entry);
  return [...byKey.values()];
}
