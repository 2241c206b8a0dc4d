import validRange from 'semver/ranges/valid.js';
import { nameFault } from '../engine/names.js';
import { topLine } from '../engine/top-line.js';
import type { CommandDefinition, EnvironmentRule } from '../engine/types.js';
import { didYouMean, type EngineshedError } from '../errors/index.js';
import { readRule } from '../mirrors/index.js';
import { parseRegistry } from '../oci/index.js';
import { type CatalogText, catalogFault } from './fault.js';
import { type NamePattern, parsePattern, samplePattern } from './pattern.js';
import { readRelease } from './release.js';
import { readRequires } from './requires.js';
import {
  type CatalogFile,
  type CommandsFile,
  catalogSchema,
  type EngineFile,
  type EnvironmentFile,
  type PartsFile,
} from './schema.js';
import { type FileContext, parsedAt, readOverride, readSource } from './source.js';
import { checkToml, readToml } from './toml.js';
import { readPolicy } from './trust.js';
import type {
  Catalog,
  CatalogEngine,
  CatalogOrigin,
  OwnOrShared,
  PartTemplate,
  ProjectPin,
  SourceOverride,
  SourceTemplate,
} from './types.js';

/** The most bytes that a catalog may have: 1 MiB. */
export const maxCatalogBytes = 1024 * 1024;

/**
 * Parses a catalog: TOML, checked key by key, with relative paths and references made absolute. What it takes from other
 * catalogs by name is not looked up yet (see `mergeCatalogs`).
 * @throws EngineshedError `CONFIG_INVALID` with file, line and key, and for an unknown key the nearest known one
 */
export function parseCatalog(text: string, origin: CatalogOrigin): Catalog {
  const source: CatalogText = { name: origin.name, text };
  if (Buffer.byteLength(text) > maxCatalogBytes) throw tooLarge(origin.name);
  const toml = readToml(source);
  refuseHiddenPin(source, toml.engine);
  const file = checkFile(source, toml);
  const context = { source, baseDirectory: origin.baseDirectory, images: file.images };
  const { images, registry = [] } = file;
  if (images !== undefined) parsedAt(context, ['images'], () => parseRegistry(images));
  return {
    origin,
    text,
    defaultEngine: file.default,
    images,
    installMissing: file['install-missing'],
    pin: readPin(context, file),
    parts: mapTable(file.parts, (table, key) => readParts(context, ['parts', key], table)),
    environments: mapTable(file.environments, readEnvironment),
    commands: mapTable(file.commands, readCommands),
    requirements: mapTable(file.requirements, (table, key) =>
      readRequires(source, ['requirements', key], table, 'engine'),
    ),
    engines: mapTable(file.engines, (engine, key) => readEngine(context, key, engine)),
    release: file.release && readRelease(context, file.release),
    policies: Object.entries(file.trust ?? {}).map(([name, policy]) => readPolicy(context, name, policy)),
    registries: registry.map((table, at) =>
      readRule(table, origin.name, (path, problem, hint) =>
        catalogFault(source, ['registry', String(at), ...path], problem, { hint }),
      ),
    ),
  };
}

/** The error for a catalog of more than {@link maxCatalogBytes}. */
export function tooLarge(name: string): EngineshedError {
  return catalogFault(
    { name, text: '' },
    [],
    `a catalog may have ${maxCatalogBytes} bytes, and this has more`,
  );
}

function checkFile(source: CatalogText, toml: Record<string, unknown>): CatalogFile {
  if (Object.hasOwn(toml, 'registries')) {
    throw catalogFault(source, ['registries'], 'is not a key that is known here', {
      hint: 'Write [[registry]] with prefix = "HOST/PATH" and location = "HOST/PATH", or with mirrors in [[registry.mirror]].',
    });
  }
  return checkToml(source, toml, catalogSchema);
}

/** Shims read the pin line by line: a file in which they would find another one, or none, means two things. */
function refuseHiddenPin(source: CatalogText, engine: unknown): void {
  const found = topLine(source.text, 'engine');
  const seen = found !== undefined && 'name' in found ? found.name : undefined;
  const meant = typeof engine === 'string' && nameFault(engine) === undefined ? engine : undefined;
  if (seen === meant && (engine !== undefined || found === undefined)) return;
  const problem = 'is written so that shims, which read line by line, find something else';
  throw catalogFault(source, ['engine'], problem, {
    hint: 'Write engine = "NAME" on one line before the first table, and nowhere else.',
  });
}

function readPin(context: FileContext, { engine, overrides = {} }: CatalogFile): ProjectPin | undefined {
  if (engine !== undefined) {
    const read = Object.entries(overrides).map(([name, override]): [string, SourceOverride] => [
      name,
      readOverride(context, ['overrides', name], override),
    ]);
    return { engine, overrides: new Map(read) };
  }
  if (Object.keys(overrides).length === 0) return undefined;
  throw catalogFault(
    context.source,
    ['overrides'],
    'has no engine to belong to: the key "engine" is missing',
    {
      hint: 'Write engine = "NAME" on the first line of the file.',
    },
  );
}

function readEngine(context: FileContext, key: string, file: EngineFile): CatalogEngine {
  const path = ['engines', key];
  const pattern = readName(context, path, key);
  const sources = Object.fromEntries(
    Object.entries(file.sources ?? {}).map(([name, source]) => [
      name,
      readSource(context, [...path, 'sources', name], source, pattern),
    ]),
  );
  if (pattern.placeholder !== undefined && file.kind !== undefined)
    throw catalogFault(context.source, [...path, 'kind'], 'is not for a family of engines');
  if (file.extends === undefined) checkPlaceholder(context, path, pattern, sources);
  return {
    pattern,
    kind: pattern.placeholder === undefined ? (file.kind ?? 'custom') : familyKinds[pattern.placeholder],
    extends: file.extends,
    description: file.description,
    sources,
    parts: readEngineParts(context, path, file),
    environment: file.environment === undefined ? undefined : ownOrShared(file.environment, readEnvironment),
    commands: file.commands === undefined ? undefined : ownOrShared(file.commands, readCommands),
    requires:
      file.requires === undefined
        ? undefined
        : ownOrShared(file.requires, (table) =>
            readRequires(context.source, [...path, 'requires'], table, 'engine'),
          ),
  };
}

function checkPlaceholder(
  context: FileContext,
  path: readonly string[],
  { placeholder }: NamePattern,
  sources: Readonly<Record<string, SourceTemplate>>,
): void {
  if (placeholder === undefined) return;
  if (!Object.values(sources).some((source) => 'tag' in source && source.tag?.includes('{')))
    throw catalogFault(context.source, path, `no source has {${placeholder}} in its tag`);
}

const familyKinds = { date: 'dated', version: 'version' } as const;

function readName(context: FileContext, path: readonly string[], key: string): NamePattern {
  const pattern = parsePattern(key);
  const fault = 'fault' in pattern ? pattern.fault : nameFault(samplePattern(pattern));
  if (fault === undefined && !('fault' in pattern)) return pattern;
  throw catalogFault(context.source, path, `cannot be an engine's name: ${fault}`);
}

/** The sources of an engine that extends another are known when that is. */
function readEngineParts(
  context: FileContext,
  path: readonly string[],
  file: EngineFile,
): OwnOrShared<PartTemplate> | undefined {
  if (file.parts === undefined) return undefined;
  const names = file.extends === undefined ? Object.keys(file.sources ?? {}) : undefined;
  return ownOrShared(file.parts, (table) => readParts(context, [...path, 'parts'], table, names));
}

function readParts(
  context: FileContext,
  path: readonly string[],
  table: PartsFile,
  sources?: readonly string[],
): PartTemplate[] {
  return Object.entries(table).map(([type, { source, path: inside, versions }]) => {
    if (sources?.includes(source) === false) {
      const hint = didYouMean(source, sources);
      const problem = `the engine has no source "${source}"`;
      throw catalogFault(context.source, [...path, type, 'source'], problem, { hint });
    }
    if (versions !== undefined && validRange(versions) === null) {
      const problem = `"${versions}" is not a range of semantic versions`;
      throw catalogFault(context.source, [...path, type, 'versions'], problem);
    }
    return { type, source, path: inside, versions };
  });
}

function readEnvironment(table: EnvironmentFile): EnvironmentRule[] {
  return Object.entries(table).map(([name, rule]): EnvironmentRule => {
    if (typeof rule === 'string') return { name, kind: 'value', value: rule };
    if (rule.value !== undefined) return { name, kind: 'value', value: rule.value };
    if (rule.part !== undefined) return { name, kind: 'part', part: rule.part, path: rule.path };
    if (rule.parts !== undefined)
      return { name, kind: 'parts', parts: rule.parts, separator: rule.separator ?? '' };
    const { 'has-part': part = '', yes = '', no = '' } = rule;
    return { name, kind: 'has-part', part, yes, no };
  });
}

function readCommands(table: CommandsFile): CommandDefinition[] {
  return Object.entries(table).map(([name, { part, path }]) => ({ name, part, path }));
}

function ownOrShared<F extends object, T>(
  file: string | F,
  read: (table: F) => readonly T[],
): OwnOrShared<T> {
  return typeof file === 'string' ? { shared: file } : { own: read(file) };
}

function mapTable<F, T>(
  file: Readonly<Record<string, F>> | undefined,
  read: (entry: F, key: string) => T,
): Map<string, T> {
  return new Map(Object.entries(file ?? {}).map(([key, entry]) => [key, read(entry, key)]));
}
