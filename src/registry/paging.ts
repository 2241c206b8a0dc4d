import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import type { Permission } from './auth.js';
import type { RegistryHost } from './host.js';
import { parseNextLink } from './link.js';
import type { HttpResponse } from './response.js';
import { isWebPage, webPageError } from './status-error.js';
import { parseServerUrl, publicUrl } from './url.js';

/** How many tags are asked for at once, and how many pages are read at most. */
const pageSize = 1000;
const maxPages = 1000;
/** The most bytes of a page; a registry that does not page sends all tags at once. */
const maxPageBytes = 32 * 1024 * 1024;

const pageSchema = v.looseObject({ tags: v.optional(v.nullable(v.array(v.string()))) });

/**
 * All tags of a repository (distribution specification, "Listing Tags"), page by page.
 * @throws EngineshedError `REFERENCE_NOT_FOUND` where there is no such repository, `RESPONSE_INVALID` where a page or its
 * `Link` cannot be accepted, and as `RegistryHost.send` does
 */
export async function* listTags(
  host: RegistryHost,
  repository: string,
  label: string,
): AsyncGenerator<string, void, undefined> {
  const permission: Permission = { repository, access: 'pull' };
  const seen = new Set<string>();
  let target: string | URL = `/v2/${repository}/tags/list?n=${pageSize}`;
  for (let pages = 0; pages < maxPages; pages++) {
    const { response, body } = await host.sendAndRead(
      { method: 'GET', target, permission },
      maxPageBytes + 1,
    );
    if (response.status === 404) throw await host.refusal(response, notFound(label));
    if (body === undefined) throw await host.refusal(response, { what: `the tags of ${label}` });
    yield* readPage(response, body, label);
    const link = parseNextLink(response.headerLines('link'));
    if (link === undefined) return;
    target = nextPage(link, response, label);
    if (seen.has(target.href)) throw invalid(response, label, 'lead round in a circle');
    seen.add(target.href);
  }
  throw new EngineshedError('RESPONSE_INVALID', `The pages of the tags of ${label} do not end`);
}

function readPage(response: HttpResponse, body: Uint8Array, label: string): string[] {
  if (isWebPage(response)) throw webPageError(response, `the tags of ${label}`);
  if (body.byteLength > maxPageBytes) throw invalid(response, label, `have more than ${maxPageBytes} bytes`);
  try {
    return v.parse(pageSchema, parseJson(body, 'list of tags')).tags ?? [];
  } catch (cause) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${response.url.host} answered something else than the tags of ${label}`,
      { cause, details: { url: publicUrl(response.url), status: response.status } },
    );
  }
}

/** A page elsewhere is not asked for: it would be another server's word about this repository (C04). */
function nextPage(link: string, response: HttpResponse, label: string): URL {
  const url = parseServerUrl(link, response.url, 'next page');
  if (url.origin !== response.url.origin) throw invalid(response, label, `lead to ${url.origin}`);
  return url;
}

function invalid(response: HttpResponse, label: string, fault: string): EngineshedError {
  return new EngineshedError('RESPONSE_INVALID', `The pages of the tags of ${label} ${fault}`, {
    details: { url: publicUrl(response.url) },
  });
}

function notFound(label: string) {
  return {
    what: `the tags of ${label}`,
    code: 'REFERENCE_NOT_FOUND',
    hint: 'Check the name of the repository. A private one may look as if it were not there until you log in.',
  } as const;
}
