import { basename } from 'node:path';
import { parseEngineName } from '../engine/names.js';
import type { EngineDefinition, SourceDefinition } from '../engine/types.js';
import { digestHex, digestOf, formatReference, type Reference } from '../oci/index.js';
import { defineEngine } from './find.js';
import { matchPattern } from './pattern.js';
import type { CatalogEntry, Catalogs, SourceTemplate } from './types.js';

const maxNameLength = 128;

/** What stands as the catalog of an engine that is a bare reference. */
export const referenceCatalog = 'REF';

/**
 * An engine of one source, for a reference that somebody names instead of an engine. Where the catalogs have an engine or a
 * family of exactly one source, in the same repository (or image layout), it has that one's parts and environment: those of
 * the engine with the same tag, of the family that the tag fits, else of the last catalog's. Every other image is one part,
 * called after the last component of the repository, with no environment.
 * @param reference the path of a layout must be absolute
 * @param name the engine's name; without one it is made of the repository and the tag or digest
 * @throws EngineshedError `NAME_INVALID`
 */
export function definitionForReference(
  catalogs: Catalogs,
  reference: Reference,
  name?: string,
): EngineDefinition {
  const component = safeName(lastComponent(reference));
  const known = knownLayout(catalogs, reference);
  return {
    name: parseEngineName(name ?? deriveName(reference)),
    description: `The image ${formatReference(reference)}`,
    kind: 'custom',
    catalog: referenceCatalog,
    sources: { [known?.source ?? component]: sourceOf(reference) },
    parts: known?.parts ?? [{ type: component, source: component, path: '.' }],
    environment: known?.environment ?? [],
    ...(known?.commands === undefined ? {} : { commands: known.commands }),
    ...(known?.requires === undefined ? {} : { requires: known.requires }),
  };
}

function sourceOf(reference: Reference): SourceDefinition {
  return reference.transport === 'registry' ? { kind: 'image', reference } : { kind: 'layout', reference };
}

interface KnownLayout extends Pick<EngineDefinition, 'parts' | 'environment' | 'commands' | 'requires'> {
  readonly source: string;
}

function knownLayout(catalogs: Catalogs, reference: Reference): KnownLayout | undefined {
  const candidates = [...catalogs.entries.values()].reverse().flatMap((entry) => {
    const [only, ...more] = Object.entries(entry.sources);
    if (only === undefined || more.length > 0) return [];
    const [source, template] = only;
    if (template.kind === 'directory' || !isSamePlace(template, reference)) return [];
    const pattern = { text: template.tag ?? '', placeholder: entry.pattern.placeholder };
    const value = reference.tag === undefined ? undefined : matchPattern(pattern, reference.tag);
    const isSameTag = template.tag !== undefined && template.tag === reference.tag;
    return [{ entry, source, value, fits: isSameTag || value !== undefined }];
  });
  const best = candidates.find((candidate) => candidate.fits) ?? candidates[0];
  if (best === undefined) return undefined;
  const { parts, environment, commands, requires } = defineEngine(withoutTags(best.entry), best.value);
  return {
    source: best.source,
    parts,
    environment,
    ...(commands === undefined ? {} : { commands }),
    ...(requires === undefined ? {} : { requires }),
  };
}

function isSamePlace(template: SourceTemplate, reference: Reference): boolean {
  if (template.kind === 'directory') return false;
  if (template.kind === 'layout') return reference.transport === 'oci' && template.path === reference.path;
  return (
    reference.transport === 'registry' &&
    template.registry === reference.registry &&
    template.repository === reference.repository
  );
}

/** Only the layout is wanted, whatever tag the reference has. */
function withoutTags(entry: CatalogEntry): CatalogEntry {
  return { ...entry, sources: {} };
}

/** The name of an engine that is a bare reference. */
export function deriveName(reference: Reference): string {
  const place = reference.transport === 'registry' ? reference.repository : basename(reference.path);
  const version =
    reference.tag ?? (reference.digest === undefined ? 'latest' : digestHex(reference.digest).slice(0, 12));
  const name = safeName(`${place.replaceAll('/', '-')}-${version}`);
  if (name.length <= maxNameLength) return name;
  const mark = digestHex(digestOf(formatReference(reference))).slice(0, 12);
  return `${name.slice(0, maxNameLength - mark.length - 1)}-${mark}`;
}

function lastComponent(reference: Reference): string {
  const path = reference.transport === 'registry' ? reference.repository : reference.path;
  return basename(path);
}

function safeName(text: string): string {
  const name = text.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? 'component' : name;
}
