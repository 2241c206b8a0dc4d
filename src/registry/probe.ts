import { isEngineshedError } from '../errors/index.js';
import type { Permission } from './auth.js';
import type { RegistryHost } from './host.js';
import type { HttpResponse } from './response.js';

/**
 * Answers to HEAD that say nothing about the content: of what supports no HEAD, and of storage that the registry redirects to
 * with an address that is signed for GET.
 */
const mute = new Set([401, 403, 405, 501]);

/** What to look for. */
export interface Probe {
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly permission: Permission;
}

/**
 * Asks whether something is there, by HEAD, and where that tells nothing by GET of its first byte (distribution
 * specification, "Checking if content exists in the registry"). The answer's body is given up.
 * @throws EngineshedError as `RegistryHost.send` does
 */
export async function probe(host: RegistryHost, what: Probe): Promise<HttpResponse> {
  const head = await askByHead(host, what);
  if (head !== undefined && !mute.has(head.status)) return head;
  const first = await host.send({
    ...what,
    method: 'GET',
    headers: { ...what.headers, range: 'bytes=0-0' },
  });
  // A refusal's body is for its error.
  if (first.status < 400 || first.status === 404) first.discard();
  return first;
}

/** Undefined where the registry refuses the login; some refuse every HEAD, such as Amazon's public one for blobs. */
async function askByHead(host: RegistryHost, what: Probe): Promise<HttpResponse | undefined> {
  try {
    const head = await host.send({ ...what, method: 'HEAD' });
    head.discard();
    return head;
  } catch (error) {
    if (isEngineshedError(error, 'UNAUTHORIZED')) return undefined;
    throw error;
  }
}
