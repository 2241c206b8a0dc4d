import { type Answer, json, refusal } from './answer.js';
import type { Contents } from './contents.js';
import { algorithmOf } from './digest.js';
import { parseManifest } from './manifest.js';
import type { RecordedRequest } from './request.js';

const indexType = 'application/vnd.oci.image.index.v1+json';
/** How many referrers a page has. */
const referrersPage = 100;

/** Answers which tags a repository has, in pages as asked by `n` and `last` (distribution specification, "Listing Tags"). */
export function serveTags(contents: Contents, request: RecordedRequest): Answer {
  const { repository: name, query } = request;
  if (request.method !== 'GET') return refusal(405, 'UNSUPPORTED', 'not supported');
  const repository = contents.repositories.get(name);
  if (repository === undefined) return refusal(404, 'NAME_UNKNOWN', 'repository name not known');
  const n = Number(query.get('n') ?? 100);
  if (!Number.isSafeInteger(n) || n < 0) return refusal(400, 'PAGINATION_NUMBER_INVALID', 'n is no number');
  const after = query.get('last') ?? '';
  const left = [...repository.tags.keys()].sort().filter((tag) => tag > after);
  const tags = left.slice(0, n);
  const next = `/v2/${name}/tags/list?n=${n}&last=${encodeURIComponent(tags.at(-1) ?? '')}`;
  const isLast = n === 0 || left.length === tags.length;
  return json(200, isLast ? {} : { link: `<${next}>; rel="next"` }, { name, tags });
}

/**
 * Answers which manifests have a manifest as subject, a hundred a page; the subject may be missing (distribution
 * specification, "Listing Referrers"). Takes the filter `artifactType`.
 */
export function serveReferrers(contents: Contents, request: RecordedRequest): Answer {
  const { repository: name, reference, query } = request;
  if (request.method !== 'GET') return refusal(405, 'UNSUPPORTED', 'not supported');
  if (algorithmOf(reference) === undefined) return refusal(400, 'DIGEST_INVALID', 'this is no digest');
  const artifactType = query.get('artifactType');
  const after = query.get('last') ?? '';
  const left = [...(contents.repositories.get(name)?.manifests ?? [])]
    .filter(([digest]) => digest > after)
    .map(([digest, { mediaType, bytes }]) => ({ digest, mediaType, bytes, parsed: parseManifest(bytes) }))
    .filter(({ parsed }) => parsed?.subject === reference)
    .filter(({ parsed }) => artifactType === null || parsed?.artifactType === artifactType)
    .sort((one, other) => (one.digest < other.digest ? -1 : 1));
  const page = left.slice(0, referrersPage);
  const filter: Record<string, string> = artifactType === null ? {} : { artifactType };
  const next = new URLSearchParams({ ...filter, last: page.at(-1)?.digest ?? '' });
  const headers = {
    'content-type': indexType,
    ...(artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }),
    ...(left.length === page.length
      ? {}
      : { link: `</v2/${name}/referrers/${reference}?${next}>; rel="next"` }),
  };
  const manifests = page.map(({ digest, mediaType, bytes, parsed }) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
    artifactType: parsed?.artifactType,
    annotations: parsed?.annotations,
  }));
  return json(200, headers, { schemaVersion: 2, mediaType: indexType, manifests });
}
