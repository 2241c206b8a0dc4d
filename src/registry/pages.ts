import { EngineshedError } from '../errors/index.js';
import type { RegistryHost, RegistryRequest } from './host.js';
import { parseNextLink } from './link.js';
import type { HttpResponse } from './response.js';
import { parseServerUrl, publicUrl } from './url.js';

/** A list that a registry gives page by page. */
export interface PagedList {
  readonly host: RegistryHost;
  /** The request for the first page. */
  readonly request: RegistryRequest;
  /** What it lists, for errors; for instance `the tags of ghcr.io/acme/engine`. */
  readonly what: string;
  /** How many pages are read at most, and how many bytes each may have. */
  readonly maxPages: number;
  readonly maxBytes: number;
}

/** One page. */
export interface Page {
  readonly response: HttpResponse;
  /** What a 200 said; undefined for every other answer, which ends the list. */
  readonly body: Uint8Array | undefined;
  /** Whether it is the first one. */
  readonly first: boolean;
}

/**
 * Reads a list page by page, as its `Link` headers lead on (distribution specification, "Listing Tags", "Listing Referrers").
 * @throws EngineshedError `RESPONSE_INVALID` where a page is too large, where the pages do not end, lead round in a circle
 * (C05) or to another origin (C04); and as `RegistryHost.send` does
 */
export async function* pagesOf(list: PagedList): AsyncGenerator<Page, void, undefined> {
  const { host, request, what, maxPages, maxBytes } = list;
  const seen = new Set<string>();
  let target = request.target;
  for (let pages = 0; pages < maxPages; pages++) {
    const { response, body } = await host.sendAndRead({ ...request, target }, maxBytes + 1);
    if (body !== undefined && body.byteLength > maxBytes)
      throw invalid(response, what, `have more than ${maxBytes} bytes`);
    yield { response, body, first: pages === 0 };
    if (body === undefined) return;
    const link = parseNextLink(response.headerLines('link'));
    if (link === undefined) return;
    target = nextPage(link, response, what);
    if (seen.has(target.href)) throw invalid(response, what, 'lead round in a circle');
    seen.add(target.href);
  }
  throw new EngineshedError('RESPONSE_INVALID', `The pages of ${what} do not end`);
}

/** A page elsewhere is not asked for: it would be another server's word about this repository (C04). */
function nextPage(link: string, response: HttpResponse, what: string): URL {
  const url = parseServerUrl(link, response.url, 'next page');
  if (url.origin !== response.url.origin) throw invalid(response, what, `lead to ${url.origin}`);
  return url;
}

function invalid(response: HttpResponse, what: string, fault: string): EngineshedError {
  return new EngineshedError('RESPONSE_INVALID', `The pages of ${what} ${fault}`, {
    details: { url: publicUrl(response.url) },
  });
}
