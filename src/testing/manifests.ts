import { type Answer, answer, refusal } from './answer.js';
import type { Contents } from './contents.js';
import { algorithmOf, digestOf } from './digest.js';
import { parseManifest } from './manifest.js';
import type { RecordedRequest } from './request.js';

/** What the specification recommends as a limit ("Pushing Manifests"). */
const maxBytes = 4 * 1024 * 1024;

/**
 * Answers GET, HEAD, PUT and DELETE of a manifest by tag or digest (distribution specification, "Pulling manifests", "Pushing
 * Manifests", "Deleting tags" and "Deleting Manifests"). It is strict: a manifest of another media type than its
 * `Content-Type`, or one that refers to blobs or manifests that the repository has not, is refused. A subject may be missing. PUT takes the condition
 * `If-Match`.
 */
export async function serveManifest(contents: Contents, request: RecordedRequest): Promise<Answer> {
  const { repository: name, reference, method } = request;
  const isDigest = reference.includes(':');
  if (isDigest && algorithmOf(reference) === undefined)
    return refusal(400, 'DIGEST_INVALID', 'this is no digest');
  if (method === 'PUT') return put(contents, request);
  if (method === 'DELETE') {
    const isThere = contents.removeManifest(name, reference);
    return isThere ? answer(202, {}) : refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  }
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'UNSUPPORTED', 'not supported');
  const found = contents.manifest(name, reference);
  if (found === undefined) return refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  const { mediaType, bytes } = found.manifest;
  return answer(
    200,
    {
      'content-type': mediaType,
      'content-length': bytes.byteLength,
      'docker-content-digest': found.digest,
      etag: `"${found.digest}"`,
    },
    bytes,
  );
}

async function put(contents: Contents, request: RecordedRequest): Promise<Answer> {
  const { repository: name, reference } = request;
  const bytes = await request.body();
  const condition = request.headers['if-match'];
  if (condition !== undefined && condition !== `"${contents.manifest(name, reference)?.digest}"`)
    return refusal(412, 'DENIED', 'the manifest has changed');
  if (bytes.byteLength > maxBytes) return refusal(413, 'SIZE_INVALID', 'the manifest is too large');
  const algorithm = algorithmOf(reference);
  const tags = [...(algorithm === undefined ? [reference] : []), ...request.query.getAll('tag')];
  if (!tags.every((tag) => /^\w[\w.-]{0,127}$/.test(tag)))
    return refusal(400, 'TAG_INVALID', 'this is no tag');
  const mediaType = request.headers['content-type'] ?? '';
  const manifest = parseManifest(bytes);
  if (manifest === undefined || (manifest.mediaType ?? mediaType) !== mediaType)
    return refusal(400, 'MANIFEST_INVALID', 'this is no manifest of its Content-Type');
  const missing =
    manifest.blobs.find((digest) => contents.blob(name, digest) === undefined) ??
    manifest.manifests.find((digest) => contents.manifest(name, digest) === undefined);
  if (missing !== undefined) return refusal(400, 'MANIFEST_BLOB_UNKNOWN', `${missing} is not there`);
  const digest = digestOf(bytes, algorithm ?? 'sha256');
  if (algorithm !== undefined && digest !== reference)
    return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  contents.addManifest(name, mediaType, bytes, undefined, algorithm);
  for (const tag of tags) contents.repository(name).tags.set(tag, digest);
  return answer(201, {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(manifest.subject === undefined ? {} : { 'oci-subject': manifest.subject }),
    ...(tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
  });
}
