import satisfies from 'semver/functions/satisfies.js';
import { parseEngineName } from '../engine/names.js';
import type {
  CommandDefinition,
  EngineDefinition,
  PartDefinition,
  SourceDefinition,
} from '../engine/types.js';
import { EngineshedError, nearest } from '../errors/index.js';
import { type LayoutReference, parseTag, type RegistryReference } from '../oci/index.js';
import {
  fillPattern,
  matchPattern,
  type NamePattern,
  newestFirst,
  parsePattern,
  placeholderText,
} from './pattern.js';
import type {
  CatalogEntry,
  Catalogs,
  EngineFamily,
  EngineListing,
  PartTemplate,
  SourceTemplate,
} from './types.js';

/** An engine without a version is newer than every version. */
const newestVersion = `${Number.MAX_SAFE_INTEGER}.0.0`;

/**
 * The definition of an engine: one of that very name, else the member of a family, those of later catalogs first.
 * @throws EngineshedError `ENGINE_UNKNOWN` with the nearest name, `NAME_INVALID`
 */
export function findEngine(catalogs: Catalogs, name: string): EngineDefinition {
  parseEngineName(name);
  const found = findEntry(catalogs, name);
  if (found !== undefined) return defineEngine(found.entry, found.value);
  throw new EngineshedError('ENGINE_UNKNOWN', `There is no engine "${name}" in the catalogs`, {
    hint: unknownHint(catalogs, name),
  });
}

/**
 * The engines that one of the catalogs is by: itself, and those that it extends in any of the catalogs, for one that comes later must not take
 * it out of a policy. One that no catalog knows is by itself.
 */
export function engineLineage(catalogs: Catalogs, name: string): string[] {
  const lineage = new Set([name]);
  // What is added is visited, too.
  for (const one of lineage)
    for (const { entry, value } of allEntries(catalogs, one)) {
      const { placeholder } = entry.pattern;
      for (const base of entry.bases) lineage.add(fillPattern({ text: base, placeholder }, value));
    }
  return [...lineage];
}

/** Where the images of an engine are by any of the catalogs: `HOST/PATH`. None for one that no catalog knows. */
export function imagesOf(catalogs: Catalogs, name: string): string[] {
  const sources = allEntries(catalogs, name).flatMap(({ entry }) => [
    ...Object.values(entry.sources),
    ...entry.replaced,
  ]);
  return sources.flatMap((source) =>
    source.kind === 'image' ? [`${source.registry}/${source.repository}`] : [],
  );
}

/** What the catalogs offer: engines with a fixed name, and families, each in the order of the catalogs. */
export function listEngines(catalogs: Catalogs): EngineListing {
  const entries = [...catalogs.entries.values()];
  return {
    engines: entries
      .filter((entry) => entry.pattern.placeholder === undefined)
      .map((entry) => defineEngine(entry, undefined)),
    families: entries.flatMap(familyOf),
  };
}

/**
 * The engines of a family that a repository offers.
 * @param tags the tags of the family's `repository`
 * @returns their names, newest first: by date, or by precedence of versions
 */
export function matchTags(family: EngineFamily, tags: Iterable<string>): string[] {
  const names = patternOf(family.pattern);
  const pattern = patternOf(family.tagPattern);
  if (pattern.placeholder === undefined) return [];
  const values = [...new Set(tags)]
    .map((tag) => matchPattern(pattern, tag))
    .filter((value) => value !== undefined);
  return values.sort(newestFirst(pattern.placeholder)).map((value) => fillPattern(names, value));
}

/**
 * The engine that an entry of a catalog stands for.
 * @param value what stands for the placeholder of a family; without one, the family's newest layout is meant
 */
export function defineEngine(entry: CatalogEntry, value: string | undefined): EngineDefinition {
  const version = entry.pattern.placeholder === 'version' ? value : undefined;
  const parts = entry.parts.filter((part) => hasVersion(part, version ?? newestVersion));
  const commands = commandsIn(parts, entry.commands);
  // Of an engine without the part it is no requirement.
  const requires = entry.requires.filter(
    ({ part }) => part === undefined || parts.some(({ type }) => type === part),
  );
  return {
    name: fillPattern(entry.pattern, value),
    description: entry.description,
    kind: entry.kind,
    catalog: entry.catalog,
    sources: Object.fromEntries(
      Object.entries(entry.sources).map(([name, template]) => [
        name,
        defineSource(template, entry.pattern, value),
      ]),
    ),
    parts: parts.map(({ type, source, path }) => ({ type, source, path })),
    environment: entry.environment,
    ...(commands.length === 0 ? {} : { commands }),
    ...(requires.length === 0 ? {} : { requires }),
  };
}

/** One engine of a family, in the manner of an entry that never was a family. */
export function memberEntry(entry: CatalogEntry, value: string): CatalogEntry {
  const { placeholder } = entry.pattern;
  const version = placeholder === 'version' ? value : newestVersion;
  const sources = Object.entries(entry.sources).map(([name, template]): [string, SourceTemplate] => [
    name,
    template.kind === 'directory' || template.tag === undefined
      ? template
      : { ...template, tag: fillPattern({ text: template.tag, placeholder }, value) },
  ]);
  const parts = entry.parts
    .filter((part) => hasVersion(part, version))
    .map(({ type, source, path }) => ({ type, source, path }));
  return {
    ...entry,
    pattern: { text: fillPattern(entry.pattern, value), placeholder: undefined },
    bases: entry.bases.map((base) => fillPattern({ text: base, placeholder }, value)),
    sources: Object.fromEntries(sources),
    parts,
    commands: commandsIn(parts, entry.commands),
  };
}

/** An entry that a name stands for, and what is in the place of its placeholder. */
interface FoundEntry {
  readonly entry: CatalogEntry;
  readonly value: string | undefined;
}

/** All entries that could be meant by a name, whatever their order: that of this very name, and the families that have it as a member. */
export function allEntries({ entries }: Catalogs, name: string): FoundEntry[] {
  return [...entries.values()].flatMap((entry): FoundEntry[] => {
    if (entry.name === name) return [{ entry, value: undefined }];
    const value = matchPattern(entry.pattern, name);
    return value === undefined ? [] : [{ entry, value }];
  });
}

function findEntry({ entries }: Catalogs, name: string): FoundEntry | undefined {
  const exact = entries.get(name);
  if (exact !== undefined) return { entry: exact, value: undefined };
  for (const entry of [...entries.values()].reverse()) {
    const value = matchPattern(entry.pattern, name);
    if (value !== undefined) return { entry, value };
  }
  return undefined;
}

/** An engine that lacks a part has no command in it. */
function commandsIn(
  parts: readonly PartDefinition[],
  commands: readonly CommandDefinition[],
): CommandDefinition[] {
  return commands.filter((command) => parts.some(({ type }) => type === command.part));
}

function hasVersion({ versions }: PartTemplate, version: string): boolean {
  return versions === undefined || satisfies(version, versions);
}

function defineSource(
  template: SourceTemplate,
  { placeholder }: NamePattern,
  value: string | undefined,
): SourceDefinition {
  if (template.kind === 'directory') return template;
  const tag =
    template.tag === undefined
      ? {}
      : { tag: parseTag(fillPattern({ text: template.tag, placeholder }, value)) };
  const digest = template.digest === undefined ? {} : { digest: template.digest };
  if (template.kind === 'layout')
    return { kind: 'layout', reference: { transport: 'oci', path: template.path, ...tag, ...digest } };
  const { registry, repository } = template;
  return { kind: 'image', reference: { transport: 'registry', registry, repository, ...tag, ...digest } };
}

/** A family is listed by the tags of its first source that has the placeholder. */
function familyOf(entry: CatalogEntry): EngineFamily[] {
  const { name: pattern, kind, description, catalog } = entry;
  if (entry.pattern.placeholder === undefined) return [];
  const listed = Object.values(entry.sources).find((source) => isTagged(source));
  if (listed?.kind === undefined || listed.kind === 'directory') return [];
  const repository: RegistryReference | LayoutReference =
    listed.kind === 'image'
      ? { transport: 'registry', registry: listed.registry, repository: listed.repository }
      : { transport: 'oci', path: listed.path };
  return [{ pattern, kind, description, catalog, repository, tagPattern: listed.tag ?? '' }];
}

function isTagged(source: SourceTemplate): boolean {
  return source.kind !== 'directory' && source.tag?.includes('{') === true;
}

function patternOf(text: string): NamePattern {
  const pattern = parsePattern(text);
  return 'fault' in pattern ? { text, placeholder: undefined } : pattern;
}

function unknownHint(catalogs: Catalogs, name: string): string | undefined {
  const patterns = [...catalogs.entries.values()].map((entry) => entry.pattern);
  for (const pattern of patterns) {
    const text = placeholderText(pattern, name);
    if (text !== undefined && pattern.placeholder === 'date' && /^\d{8}$/.test(text))
      return `${text} is no date: write the year, the month and the day, as in 20260131.`;
  }
  const number = /\d[\d.]*/.exec(name)?.[0];
  const spelt = new Map(patterns.map((pattern) => [fillPattern(pattern, number), pattern]));
  const near = nearest(name, spelt.keys());
  if (near !== undefined) {
    const pattern = spelt.get(near);
    const isMember =
      pattern === undefined || pattern.placeholder === undefined || matchPattern(pattern, near);
    return `Did you mean "${isMember ? near : pattern.text}"?`;
  }
  return patterns.length === 0
    ? undefined
    : `There are: ${patterns.map((pattern) => pattern.text).join(', ')}.`;
}
