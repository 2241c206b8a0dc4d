import type { Descriptor } from '../oci/index.js';
import type { RegistryHost } from './host.js';
import type { HttpResponse } from './response.js';
import type { Access } from './scope.js';
import { isWebPage, webPageError } from './status-error.js';

/**
 * Answers to HEAD that say nothing about the content: what supports no HEAD, and storage that the registry redirects to with an
 * address that is signed for GET. (The registry's own 401 and 403 are errors of `RegistryHost.send`.)
 */
const mute = new Set([401, 403, 405, 501]);

/**
 * Tells whether a repository has a blob, with the size that the descriptor says where the registry tells one: by HEAD, and by
 * GET of its first byte where that does not tell (distribution specification, "Checking if content exists in the registry").
 * @throws EngineshedError as `RegistryHost.send` does, and for every other answer
 */
export async function blobExists(
  host: RegistryHost,
  repository: string,
  descriptor: Descriptor,
  access: Access,
): Promise<boolean> {
  const target = `/v2/${repository}/blobs/${descriptor.digest}`;
  const permission = { repository, access };
  const head = await host.send({ method: 'HEAD', target, permission });
  head.discard();
  if (!mute.has(head.status)) return judge(host, head, descriptor);
  const first = await host.send({ method: 'GET', target, headers: { range: 'bytes=0-0' }, permission });
  first.discard();
  return judge(host, first, descriptor);
}

async function judge(host: RegistryHost, response: HttpResponse, descriptor: Descriptor): Promise<boolean> {
  const { status } = response;
  if (status === 404) return false;
  if (status === 200 || status === 206 || status === 416) {
    const size = sizeOf(response);
    if (size !== descriptor.size && isWebPage(response))
      throw webPageError(response, `blob ${descriptor.digest}`);
    return size === undefined || size === descriptor.size;
  }
  throw await host.refusal(response, { what: `blob ${descriptor.digest}` });
}

function sizeOf(response: HttpResponse): number | undefined {
  if (response.status === 200) return response.contentLength;
  const total = /\/(\d{1,15})$/.exec(response.header('content-range') ?? '');
  return total === null ? undefined : Number(total[1]);
}
