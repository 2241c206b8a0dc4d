import { findComponent, overridableSources, replaceComponent } from '../engine/replace.js';
import type { EngineDefinition, SourceDefinition } from '../engine/types.js';
import { EngineshedError, nearest } from '../errors/index.js';
import type { Catalogs, SourceOverride, SourceTemplate } from './types.js';

/**
 * The engine with another source in the place of one of its components. Where the engine has a source of that name, the other
 * takes its place, and the parts stay. Else, where parts of the engine are at the path `NAME` or `NAME/…` of a source, as in a
 * consolidated image, which has every component in a directory, a source of that name is added and those parts are taken from
 * it, at what is left of the path.
 *
 * A version is one of the repository or layout that the source has; for a component of a consolidated image, of the one that
 * an engine of the catalogs has for a source of that name, the last such engine's.
 * @param name of the source, or of the component
 * @throws EngineshedError `SOURCE_UNKNOWN` with the names that there are; `USAGE` for a version of what has no versions, or of
 *   what no engine of the catalogs tells the repository of
 */
export function overrideSource(
  catalogs: Catalogs,
  definition: EngineDefinition,
  name: string,
  override: SourceOverride,
): EngineDefinition {
  if (findComponent(definition, name) === undefined) throw unknownSource(definition, name);
  const own = Object.hasOwn(definition.sources, name) ? definition.sources[name] : undefined;
  const source =
    override.kind !== 'version'
      ? override
      : own === undefined
        ? versionOfComponent(catalogs, definition, name, override)
        : versionOf(own, name, override);
  return replaceComponent<SourceDefinition, EngineDefinition>(definition, name, source);
}

type Version = Extract<SourceOverride, { readonly kind: 'version' }>;

function versionOf(source: SourceDefinition, name: string, { tag, digest }: Version): SourceDefinition {
  switch (source.kind) {
    case 'image':
      return { kind: 'image', reference: { ...source.reference, tag, digest } };
    case 'layout':
      return { kind: 'layout', reference: { ...source.reference, tag, digest } };
    case 'directory':
      throw new EngineshedError(
        'USAGE',
        `The source "${name}" is the directory ${source.path}, which has no tags`,
        {
          hint: 'Name an image in full, a layout or another directory.',
        },
      );
  }
}

/** A component of a consolidated image has no repository of its own; another engine tells where it is published by itself. */
function versionOfComponent(
  catalogs: Catalogs,
  definition: EngineDefinition,
  name: string,
  { tag, digest }: Version,
): SourceDefinition {
  const published = [...catalogs.entries.values()]
    .reverse()
    .map(({ sources }) => (Object.hasOwn(sources, name) ? sources[name] : undefined))
    .find((source) => source !== undefined && source.kind !== 'directory') as
    | Exclude<SourceTemplate, { readonly kind: 'directory' }>
    | undefined;
  if (published === undefined) {
    throw new EngineshedError(
      'USAGE',
      `No engine of the catalogs has a source "${name}", so the repository of that component of ${definition.name} is not known`,
      { hint: 'Name its image in full: REGISTRY/REPOSITORY:TAG.' },
    );
  }
  if (published.kind === 'layout')
    return { kind: 'layout', reference: { transport: 'oci', path: published.path, tag, digest } };
  const { registry, repository } = published;
  return { kind: 'image', reference: { transport: 'registry', registry, repository, tag, digest } };
}

function unknownSource(definition: EngineDefinition, name: string): EngineshedError {
  const names = overridableSources(definition);
  const near = nearest(name, names) ?? onlyOne(names.filter((known) => known.endsWith(`-${name}`)));
  const all = `There are: ${names.join(', ')}.`;
  return new EngineshedError('SOURCE_UNKNOWN', `The engine ${definition.name} has no source "${name}"`, {
    hint: near === undefined ? all : `Did you mean "${near}"? ${all}`,
  });
}

function onlyOne(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}
