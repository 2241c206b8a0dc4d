import { type Answer, answer, refusal } from './answer.js';
import type { Contents } from './contents.js';
import { algorithmOf } from './digest.js';
import type { RecordedRequest } from './request.js';

/**
 * Answers GET, HEAD and DELETE of a blob (distribution specification, "Pulling blobs" and "Deleting Blobs"). GET takes one
 * range of bytes, also with `If-Range`.
 */
export function serveBlob(contents: Contents, request: RecordedRequest): Answer {
  const { repository: name, reference: digest, method } = request;
  if (algorithmOf(digest) === undefined) return refusal(400, 'DIGEST_INVALID', 'this is no digest');
  if (method === 'DELETE') {
    const isThere = contents.removeBlob(name, digest);
    return isThere ? answer(202, {}) : refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  }
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'UNSUPPORTED', 'not supported');
  const blob = contents.blob(name, digest);
  if (blob === undefined) return refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  const headers = {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  };
  const range = method === 'GET' ? rangeOf(request, headers.etag, blob.byteLength) : undefined;
  if (range === undefined) return answer(200, { ...headers, 'content-length': blob.byteLength }, blob);
  const { first, last } = range;
  if (first > last) return answer(416, { 'content-range': `bytes */${blob.byteLength}` });
  const part = blob.subarray(first, last + 1);
  const contentRange = `bytes ${first}-${last}/${blob.byteLength}`;
  return answer(206, { ...headers, 'content-length': part.byteLength, 'content-range': contentRange }, part);
}

/** The range that is asked for, empty where it cannot be had; undefined for the whole (RFC 9110, section 14). */
function rangeOf(
  { headers }: RecordedRequest,
  etag: string,
  size: number,
): { first: number; last: number } | undefined {
  const [whole, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const condition = headers['if-range'];
  if (whole === undefined || from + to === '' || (condition !== undefined && condition !== etag))
    return undefined;
  if (from === '') return { first: Math.max(0, size - Number(to)), last: size - 1 };
  return { first: Number(from), last: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}
