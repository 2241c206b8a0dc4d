import type { Reference } from '../oci/index.js';
import { deriveName } from './ad-hoc.js';
import { allEntries, engineLineage } from './find.js';
import { fillPattern, matchPattern } from './pattern.js';
import type { CatalogEntry, Catalogs, SourceTemplate } from './types.js';

/** The engine, or family of engines, of the catalogs that takes a source from a tag; undefined where none does. */
export function engineFollowing(catalogs: Catalogs, tag: string): string | undefined {
  return [...catalogs.entries.values()].find(({ sources, pattern: { placeholder } }) =>
    Object.values(sources).some(
      (source) =>
        source.kind !== 'directory' &&
        source.tag !== undefined &&
        (source.tag === tag || matchPattern({ text: source.tag, placeholder }, tag) !== undefined),
    ),
  )?.name;
}

/**
 * The engines that an image is for, as policies see it: the one that it is part of, and those that this one is by. Where it has another
 * place in the catalogs, or none, as what is named by its reference, those that are taken from that place, too.
 */
export function policyEngines(catalogs: Catalogs, engine: string, image: Reference): string[] {
  // No catalog may take the name that is made of a reference.
  const isOwn =
    engine !== deriveName(image) &&
    allEntries(catalogs, engine).some(({ entry }) => isFrom(Object.values(entry.sources), image));
  return [...new Set([...engineLineage(catalogs, engine), ...(isOwn ? [] : enginesFrom(catalogs, image))])];
}

/**
 * The engines that take a source from the place of an image by any of the catalogs, whatever its tag, and those that these are by. Of a
 * family it is the member that the tag fits; the family, where it fits none.
 */
export function enginesFrom(catalogs: Catalogs, image: Reference): string[] {
  const followers = [...catalogs.entries.values()].flatMap((entry) => {
    const sources = [...Object.values(entry.sources), ...entry.replaced];
    return sources
      .filter((source) => isFrom([source], image))
      .map((source) => memberOf(entry, source, image));
  });
  return [...new Set(followers.flatMap((name) => engineLineage(catalogs, name)))];
}

function memberOf({ pattern }: CatalogEntry, source: SourceTemplate, { tag }: Reference): string {
  if (source.kind === 'directory' || source.tag === undefined || tag === undefined) return pattern.text;
  return fillPattern(pattern, matchPattern({ text: source.tag, placeholder: pattern.placeholder }, tag));
}

function isFrom(sources: readonly SourceTemplate[], image: Reference): boolean {
  return sources.some((source) => {
    if (source.kind === 'image')
      return (
        image.transport === 'registry' &&
        source.registry === image.registry &&
        source.repository === image.repository
      );
    return source.kind === 'layout' && image.transport === 'oci' && source.path === image.path;
  });
}
