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
