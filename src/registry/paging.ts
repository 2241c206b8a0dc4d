import * as v from 'valibot';
import type { ListOptions } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import type { RegistryHost } from './host.js';
import { pagesOf } from './pages.js';
import type { HttpResponse } from './response.js';
import { isWebPage, webPageError } from './status-error.js';
import { publicUrl } from './url.js';

/** How many tags are asked for at once, and how many pages are read at most. */
const pageSize = 1000;
const maxPages = 1000;
/** The most bytes of a page; a registry that does not page sends all tags at once. */
const maxPageBytes = 32 * 1024 * 1024;
/** The most tags of a repository: who sorts them has all of them in memory. */
const maxTags = pageSize * maxPages;

const pageSchema = v.looseObject({ tags: v.optional(v.nullable(v.array(v.string()))) });

/**
 * All tags of a repository (distribution specification, "Listing Tags"), page by page.
 * @throws EngineshedError `REFERENCE_NOT_FOUND` where there is no such repository, `RESPONSE_INVALID` where a page cannot be
 * accepted, and as `pagesOf` does
 */
export async function* listTags(
  host: RegistryHost,
  repository: string,
  label: string,
  { signal, effort = 'whole' }: ListOptions = {},
): AsyncGenerator<string, void, undefined> {
  const what = `the tags of ${label}`;
  const pages = pagesOf({
    host,
    what,
    maxPages,
    maxBytes: maxPageBytes,
    request: {
      method: 'GET',
      target: `/v2/${repository}/tags/list?n=${pageSize}`,
      permission: { repository, access: 'pull' },
      signal,
      isFinal: () => effort === 'one request',
    },
  });
  let count = 0;
  for await (const { response, body } of pages) {
    if (response.status === 404) throw await host.refusal(response, notFound(what));
    if (body === undefined) throw await host.refusal(response, { what });
    const page = readPage(response, body, what);
    count += page.length;
    if (count > maxTags) throw tooMany(response, what);
    yield* page;
    if (effort === 'one request') return;
  }
}

function readPage(response: HttpResponse, body: Uint8Array, what: string): string[] {
  if (isWebPage(response)) throw webPageError(response, what);
  try {
    return v.parse(pageSchema, parseJson(body, 'list of tags')).tags ?? [];
  } catch (cause) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${response.url.host} answered something else than ${what}`,
      { cause, details: { url: publicUrl(response.url), status: response.status } },
    );
  }
}

function tooMany(response: HttpResponse, what: string): EngineshedError {
  return new EngineshedError('RESPONSE_INVALID', `There are more than ${maxTags} of ${what}`, {
    details: { url: publicUrl(response.url), expected: maxTags },
  });
}

function notFound(what: string) {
  return {
    what,
    code: 'REFERENCE_NOT_FOUND',
    hint: 'Check the name of the repository. A private one may look as if it were not there until you log in.',
  } as const;
}
