import { type Answer, json, refusal } from './answer.js';
import { serveBlob } from './blobs.js';
import type { Contents } from './contents.js';
import { serveReferrers, serveTags } from './listings.js';
import { serveManifest } from './manifests.js';
import type { RecordedRequest } from './request.js';
import { serveUpload } from './uploads.js';

/**
 * Answers a request as the distribution specification 1.1 says; undefined where the connection was lost, so that there is
 * nobody to answer to.
 */
export async function serve(contents: Contents, request: RecordedRequest): Promise<Answer | undefined> {
  const { kind, repository } = request;
  const headers = { 'docker-distribution-api-version': 'registry/2.0' };
  if (kind === 'ping') return json(200, headers, {});
  if (kind === 'other') return refusal(404, 'UNSUPPORTED', 'no such address');
  if (!isName(repository)) return refusal(400, 'NAME_INVALID', 'this is no name of a repository');
  if (kind === 'manifest') return serveManifest(contents, request);
  if (kind === 'blob') return serveBlob(contents, request);
  if (kind === 'upload') return serveUpload(contents, request);
  return kind === 'tags' ? serveTags(contents, request) : serveReferrers(contents, request);
}

/** The grammar of the specification, "Pulling manifests". */
function isName(text: string): boolean {
  return /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/.test(text);
}
