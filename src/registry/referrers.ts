import { EngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  maxManifestBytes,
  maxReferrers,
  mediaTypes,
  parseReferrers,
  referrerFilter,
} from '../oci/index.js';
import type { RegistryHost } from './host.js';
import type { Limits } from './limits.js';
import type { Manifests } from './manifests.js';
import { pagesOf } from './pages.js';
import { readTaggedReferrers } from './referrers-tag.js';
import type { HttpResponse } from './response.js';
import { isWebPage, webPageError } from './status-error.js';
import { publicUrl } from './url.js';

/** How many pages of a list of referrers are read at most. */
const maxPages = 200;
/** What registries without a referrers API answer: most 404, Artifactory 406, others that they do not support it. */
const absentStatuses = new Set([400, 404, 405, 406, 501]);

/** A repository whose referrers are listed. */
export interface ReferrersOf {
  readonly host: RegistryHost;
  readonly limits: Limits;
  readonly repository: string;
  readonly manifests: Manifests;
}

/**
 * The referrers of a subject (distribution specification, "Listing Referrers"): by the API, page by page, and where a
 * registry has none by the list under the referrers tag.
 * @param artifactType only those of this type; the registry need not filter
 * @throws EngineshedError `RESPONSE_INVALID` where a page, its `Link` or the list under the tag cannot be accepted, or there
 * are more than 10,000; and as `RegistryHost.send` does
 */
export async function* listReferrers(
  of: ReferrersOf,
  subject: Descriptor,
  artifactType: string | undefined,
): AsyncGenerator<Descriptor, void, undefined> {
  const filter = referrerFilter(artifactType);
  let count = 0;
  for await (const page of referrerPages(of, subject, artifactType)) {
    count += page.length;
    if (count > maxReferrers) throw tooMany(of, subject);
    yield* filter(page);
  }
}

/**
 * Tells whether a registry has the referrers API.
 * @throws EngineshedError as {@link listReferrers} does
 */
export async function hasReferrersApi(of: ReferrersOf, subject: Descriptor): Promise<boolean> {
  for await (const { response, body } of apiPages(of, subject, undefined)) {
    if (hasNoApi(of.host, response, body)) {
      response.discard();
      return false;
    }
    if (body === undefined) throw await of.host.refusal(response, { what: nameOf(of, subject) });
    return !isWebPage(response);
  }
  return false;
}

async function* referrerPages(
  of: ReferrersOf,
  subject: Descriptor,
  artifactType: string | undefined,
): AsyncGenerator<readonly Descriptor[], void, undefined> {
  const { host } = of;
  const what = nameOf(of, subject);
  for await (const { response, body, first } of apiPages(of, subject, artifactType)) {
    if (first && hasNoApi(host, response, body)) {
      response.discard();
      yield (await readTaggedReferrers(of.manifests, subject))?.entries ?? [];
      return;
    }
    if (body === undefined) throw await host.refusal(response, { what });
    if (isWebPage(response)) throw webPageError(response, what);
    yield readPage(response, body, what);
  }
}

function apiPages(of: ReferrersOf, subject: Descriptor, artifactType: string | undefined) {
  const { host, repository } = of;
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  return pagesOf({
    host,
    what: nameOf(of, subject),
    maxPages,
    maxBytes: maxManifestBytes,
    request: {
      method: 'GET',
      target: `/v2/${repository}/referrers/${subject.digest}${query}`,
      headers: { accept: mediaTypes.imageIndex },
      permission: { repository, access: 'pull' },
      isFinal: (response) => !host.isOwn(response.url),
    },
  });
}

/**
 * GHCR answers with a redirect to a web page, which is mostly not there or too busy: what another server says counts only
 * where it is a list.
 */
function hasNoApi(host: RegistryHost, response: HttpResponse, body: Uint8Array | undefined): boolean {
  if (absentStatuses.has(response.status)) return true;
  return !host.isOwn(response.url) && (body === undefined || isWebPage(response));
}

function readPage(response: HttpResponse, body: Uint8Array, what: string): readonly Descriptor[] {
  try {
    return parseReferrers(body, 'list of referrers');
  } catch (cause) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${response.url.host} answered something else than ${what}`,
      {
        cause,
        details: { url: publicUrl(response.url), status: response.status },
      },
    );
  }
}

function nameOf({ manifests }: ReferrersOf, subject: Descriptor): string {
  return `the referrers of ${manifests.label}@${subject.digest}`;
}

/** The error of a list that is longer than anybody reads. */
export function tooMany({ manifests }: ReferrersOf, subject: Descriptor): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${manifests.label}@${subject.digest} has more than ${maxReferrers} referrers`,
    { hint: 'Delete those that nobody needs.', details: { expected: maxReferrers } },
  );
}
