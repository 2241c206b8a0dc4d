import { isEngineshedError } from '../errors/index.js';
import { type Digest, parseReference } from '../oci/index.js';

/**
 * The package URL of an image (purl specification, type `oci`).
 * @param name what it is called where no reference tells
 * @param reference where it was found; only that of a registry says something
 */
export function imagePurl(name: string, digest: Digest, reference?: string): string {
  const place = reference === undefined ? undefined : registryPlace(reference);
  const base = place === undefined ? name : place.repository.slice(place.repository.lastIndexOf('/') + 1);
  const qualifiers =
    place === undefined
      ? []
      : [
          `repository_url=${encoded(`${place.registry}/${place.repository}`)}`,
          ...(place.tag === undefined ? [] : [`tag=${encoded(place.tag)}`]),
        ];
  const version = encodeURIComponent(digest);
  return `pkg:oci/${encodeURIComponent(base.toLowerCase())}@${version}${qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`}`;
}

/**
 * The package URL of a commit (purl specification, types `github` and `generic`); undefined where it is not known which one it is.
 * @param repository as `org.opencontainers.image.source` has it
 * @param name what the component is called
 */
export function revisionPurl(
  repository: string | undefined,
  revision: string | undefined,
  name: string,
): string | undefined {
  const location = downloadLocation(repository, revision);
  if (location === undefined || repository === undefined) return undefined;
  const [, owner, project] =
    /^https:\/\/github\.com\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/i.exec(repository) ?? [];
  if (owner !== undefined && project !== undefined)
    return `pkg:github/${owner.toLowerCase()}/${project.toLowerCase()}@${revision}`;
  return `pkg:generic/${encodeURIComponent(name)}@${revision}?vcs_url=${encodeURIComponent(location)}`;
}

/**
 * Where the very content of a component can be had from its version control (SPDX 2.3, 7.7); undefined for one that is of no
 * commit, such as that of a changed working copy, or of a repository that has no address.
 */
export function downloadLocation(
  repository: string | undefined,
  revision: string | undefined,
): string | undefined {
  if (repository === undefined || !/^https?:\/\/[^\s@#]+$/.test(repository)) return undefined;
  if (revision === undefined || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)) return undefined;
  return URL.canParse(repository) ? `git+${repository}@${revision}` : undefined;
}

function registryPlace(text: string) {
  try {
    const reference = parseReference(text);
    return reference.transport === 'registry' ? reference : undefined;
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_INVALID', 'DIGEST_INVALID')) return undefined;
    throw error;
  }
}

/** A value of a qualifier; `/` and `:` stand as they are. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%3A', ':');
}
