import { parseRegistry, type RegistryReference } from '../oci/index.js';
import type { RegistrySettings } from './types.js';

/** The repository of an image. */
export type Repository = Pick<RegistryReference, 'registry' | 'repository'>;

/** Where images are taken from instead of where a catalog says. */
export interface RegistryReplacement {
  /**
   * `HOST[:PORT][/PATH]` for all images of all catalogs, as `--registry` gives it. A host alone takes the place of the
   * host, and the path stays. With a path, it takes the place of the catalog's `registry`; an image that is not below that
   * keeps its whole path under the new one. `HOST/` is a path too: the empty one.
   */
  readonly registry?: string | undefined;
  /** The `replace-with` of the settings, which count where `registry` is not given: that of the longest prefix wins. */
  readonly settings: ReadonlyMap<string, RegistrySettings>;
}

/**
 * The repository that an image is taken from.
 * @param image the repository that the catalog names
 * @param catalogRegistry the `registry` of that catalog
 * @throws EngineshedError `REFERENCE_INVALID` where the replacement is no registry
 */
export function replaceRegistry(
  image: Repository,
  catalogRegistry: string | undefined,
  replacement: RegistryReplacement,
): Repository {
  if (replacement.registry !== undefined) {
    const base = catalogRegistry === undefined ? undefined : parseRegistry(catalogRegistry);
    const from = base !== undefined && isBelow(image, base) ? base : { registry: image.registry, path: '' };
    return move(image, from.path, replacement.registry);
  }
  const rules = [...replacement.settings]
    .flatMap(([from, { replaceWith }]) =>
      replaceWith === undefined ? [] : [{ from: parseRegistry(from), replaceWith }],
    )
    .filter(({ from }) => isBelow(image, from))
    .sort((a, b) => b.from.path.length - a.from.path.length);
  return rules[0] === undefined ? image : move(image, rules[0].from.path, rules[0].replaceWith);
}

function isBelow(image: Repository, base: { registry: string; path: string }): boolean {
  return (
    image.registry === base.registry && (base.path === '' || image.repository.startsWith(`${base.path}/`))
  );
}

function move(image: Repository, oldPath: string, to: string): Repository {
  const { registry, path } = parseRegistry(to);
  const inside = oldPath === '' ? image.repository : image.repository.slice(oldPath.length + 1);
  const repository = to.includes('/')
    ? [path, inside].filter((part) => part !== '').join('/')
    : image.repository;
  return { registry, repository };
}
