import type { Catalogs } from '../catalog/index.js';
import { EngineshedError, nearest } from '../errors/index.js';
import { formatReference, namesPath, namesRegistry, parseReference } from '../oci/index.js';

/**
 * What a failed look for an image is told as where the image was named without a registry, and so is one of Docker Hub: what was read as
 * what, and what of the catalogs may be meant. Every other error comes back as it is.
 * @param asked as it was written: an image, or the name of an engine
 */
export function explainHubReference(catalogs: Catalogs, asked: string | undefined, error: unknown): unknown {
  if (!(error instanceof EngineshedError) || !['notFound', 'unavailable', 'permission'].includes(error.kind))
    return error;
  if (asked === undefined || !asked.includes('/') || namesPath(asked) || namesRegistry(asked)) return error;
  const reference = parseReference(asked);
  if (reference.transport !== 'registry') return error;
  const { repository } = reference;
  const message = `${error.message}; ${asked} was taken for the image ${formatReference(reference)}`;
  const hint = meantInstead(catalogs, repository) ?? `For another registry write it too: HOST/${repository}.`;
  return new EngineshedError(error.code, message, {
    hint: error.hint === undefined ? hint : `${hint} ${error.hint}`,
    cause: error,
    details: error.details,
  });
}

/** An image of the catalogs at the same path of another registry, or an engine whose name is like the last component. */
function meantInstead({ entries }: Catalogs, repository: string): string | undefined {
  const last = repository.slice(repository.lastIndexOf('/') + 1);
  const all = [...entries.values()];
  const images = all.flatMap(({ sources }) => Object.values(sources));
  const image = images.find((source) => source.kind === 'image' && source.repository === repository);
  const names = all.flatMap(({ pattern }) => (pattern.placeholder === undefined ? [pattern.text] : []));
  const engine = nearest(last, names);
  const meant = [
    ...(image?.kind === 'image' ? [`the image ${image.registry}/${repository}`] : []),
    ...(engine === undefined ? [] : [`the engine "${engine}"`]),
  ];
  return meant.length === 0 ? undefined : `Did you mean ${meant.join(', or ')}?`;
}
