import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  isIndexType,
  maxManifestBytes,
  maxReferrers,
  mediaTypes,
  parseReferrers,
  referrerFilter,
  referrersTag,
} from '../oci/index.js';
import type { RegistryHost } from './host.js';
import type { Manifests } from './manifests.js';
import { pagesOf } from './pages.js';
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

/** The list that a repository keeps under the referrers tag of a subject, as it is in this moment. */
export interface TaggedReferrers {
  /** The list as it was written. */
  readonly bytes: Uint8Array;
  readonly entries: readonly Descriptor[];
  /** The entity tag of the answer, where it can be used for a conditional write. */
  readonly etag: string | undefined;
}

/**
 * Reads the list under the referrers tag of a subject; undefined where there is none.
 * @throws EngineshedError `RESPONSE_INVALID` where something else is tagged so, and as `Manifests.read` does
 */
export async function readTaggedReferrers(
  { manifests }: ReferrersOf,
  subject: Descriptor,
): Promise<TaggedReferrers | undefined> {
  const tag = referrersTag(subject.digest);
  let answer: Awaited<ReturnType<Manifests['read']>>;
  try {
    answer = await manifests.read(tag);
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
  const { descriptor, bytes, etag } = answer;
  // GitLab takes the tag for the digest and answers with the subject itself.
  if (descriptor.digest === subject.digest) return undefined;
  if (!isIndexType(descriptor.mediaType)) {
    throw new EngineshedError(
      'RESPONSE_INVALID',
      `${manifests.label}:${tag} is no list of referrers but "${descriptor.mediaType}"`,
      {
        hint: 'Delete that tag, or let the one who made it do so.',
        details: { actual: descriptor.mediaType },
      },
    );
  }
  return { bytes, etag, entries: parseReferrers(bytes, `list of referrers ${manifests.label}:${tag}`) };
}

async function* referrerPages(
  of: ReferrersOf,
  subject: Descriptor,
  artifactType: string | undefined,
): AsyncGenerator<readonly Descriptor[], void, undefined> {
  const { host, repository, manifests } = of;
  const what = `the referrers of ${manifests.label}@${subject.digest}`;
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const pages = pagesOf({
    host,
    what,
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
  for await (const { response, body, first } of pages) {
    if (first && hasNoApi(host, response, body)) {
      response.discard();
      yield (await readTaggedReferrers(of, subject))?.entries ?? [];
      return;
    }
    if (body === undefined) throw await host.refusal(response, { what });
    if (isWebPage(response)) throw webPageError(response, what);
    yield readPage(response, body, what);
  }
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

function tooMany({ manifests }: ReferrersOf, subject: Descriptor): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${manifests.label}@${subject.digest} has more than ${maxReferrers} referrers`,
    { hint: 'Delete those that nobody needs.', details: { expected: maxReferrers } },
  );
}
