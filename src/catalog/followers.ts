import type { Reference } from '../oci/index.js';
import { matchPattern } from './pattern.js';
import type { Catalogs } from './types.js';

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

/** The engines, and families of engines, of the catalogs that take a source from the place of an image by any of the catalogs, whatever its tag. */
export function enginesFrom({ entries }: Catalogs, image: Reference): string[] {
  return [...entries.values()].flatMap(({ name, sources, replaced }) => {
    const isFrom = [...Object.values(sources), ...replaced].some((source) => {
      if (source.kind === 'image')
        return (
          image.transport === 'registry' &&
          source.registry === image.registry &&
          source.repository === image.repository
        );
      return source.kind === 'layout' && image.transport === 'oci' && source.path === image.path;
    });
    return isFrom ? [name] : [];
  });
}
