import { EngineshedError } from '../errors/index.js';
import type { HttpResponse } from './response.js';
import type { HttpRequest, Transport } from './transport.js';
import { parseServerUrl, publicUrl } from './url.js';

const redirectStatuses = new Set([301, 302, 303, 307, 308]);
/** How many redirects one request follows at most. */
const maxRedirects = 8;

/** A way to send one request, as {@link Transport.exchange} does. */
export type Exchange = Transport['exchange'];

/**
 * Sends a request and follows the redirects of GET and HEAD, and of what carries no body where the method shall stay (some
 * registries begin uploads at another host). At the first one to another origin (scheme, host or port)
 * `Authorization` is dropped, and it does not come back on the way home. From https to http none is followed.
 * @throws EngineshedError `RESPONSE_INVALID` for a redirect that is not followed, and as `exchange` does
 */
export async function exchangeFollowing(exchange: Exchange, request: HttpRequest): Promise<HttpResponse> {
  let current = request;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await exchange(current);
    const location = response.header('location');
    if (!redirectStatuses.has(response.status) || location === undefined) return response;
    response.discard();
    if (!mayFollow(current, response)) throw unfollowed(current, 'a redirect');
    const url = parseServerUrl(location, current.url, 'redirect');
    current = {
      ...current,
      url,
      headers: url.origin === current.url.origin ? current.headers : withoutAuthorization(current.headers),
    } as HttpRequest;
  }
  throw unfollowed(request, `more than ${maxRedirects} redirects`);
}

/** A body is never sent to where a redirect leads: it may hold a secret. */
function mayFollow({ method, body }: HttpRequest, { status }: HttpResponse): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  return body === undefined && (status === 307 || status === 308);
}

function withoutAuthorization(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { authorization: _dropped, ...others } = headers;
  return others;
}

function unfollowed(request: HttpRequest, what: string): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${request.url.host} answered a ${request.method} request with ${what}`,
    { details: { url: publicUrl(request.url) } },
  );
}
