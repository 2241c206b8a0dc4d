import { parseRegistry, type RegistryReference } from '../oci/index.js';

/** The repository of an image. */
type Repository = Pick<RegistryReference, 'registry' | 'repository'>;

/**
 * The repository that an image is taken from with `--registry`. A host alone takes the place of the host, and the path stays.
 * With a path, it takes the place of the catalog's `images`; an image that is not below that keeps its whole path under the
 * new one. `HOST/` is a path too: the empty one.
 * @param image the repository that the catalog names
 * @param images the `images` of that catalog
 * @param replacement `HOST[:PORT][/PATH]`
 * @throws EngineshedError `REFERENCE_INVALID` where the replacement is no registry
 */
export function replaceRegistry(
  image: Repository,
  images: string | undefined,
  replacement: string,
): Repository {
  const { registry, path } = parseRegistry(replacement);
  if (!replacement.includes('/')) return { registry, repository: image.repository };
  const base = images === undefined ? undefined : parseRegistry(images);
  const isBelow =
    base !== undefined && image.registry === base.registry && image.repository.startsWith(`${base.path}/`);
  const inside = isBelow ? image.repository.slice(base.path.length + 1) : image.repository;
  return { registry, repository: path === '' ? inside : `${path}/${inside}` };
}
