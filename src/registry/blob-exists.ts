import type { Descriptor } from '../oci/index.js';
import type { RegistryHost } from './host.js';
import { probe } from './probe.js';
import type { HttpResponse } from './response.js';
import type { Access } from './scope.js';
import { isWebPage, webPageError } from './status-error.js';

/**
 * Tells whether a repository has a blob, with the size that the descriptor says where the registry tells one.
 * @throws EngineshedError as {@link probe} does, and for every answer that says neither
 */
export async function blobExists(
  host: RegistryHost,
  repository: string,
  descriptor: Descriptor,
  access: Access,
): Promise<boolean> {
  const what = `blob ${descriptor.digest}`;
  const target = `/v2/${repository}/blobs/${descriptor.digest}`;
  const response = await probe(host, { target, permission: { repository, access } });
  if (response.status === 404) return false;
  const isThere = response.status === 200 || response.status === 206;
  // Nothing has no first byte.
  const isEmpty = response.status === 416 && descriptor.size === 0;
  if (!isThere && !isEmpty) throw await host.refusal(response, { what });
  const size = sizeOf(response);
  if (size !== descriptor.size && isWebPage(response)) throw webPageError(response, what);
  return isEmpty || size === undefined || size === descriptor.size;
}

function sizeOf(response: HttpResponse): number | undefined {
  if (response.status === 200) return response.contentLength;
  const total = /\/(\d{1,15})$/.exec(response.header('content-range') ?? '');
  return total === null ? undefined : Number(total[1]);
}
