import type { ServerResponse } from 'node:http';
import { type Contents, sha256 } from './contents.js';
import { serveReferrers, subjectOf } from './referrers.js';
import { refuse } from './refuse.js';
import type { RecordedRequest } from './registry.js';
import { serveUpload } from './uploads.js';

/** Answers a request as the distribution specification says. */
export async function serve(
  contents: Contents,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const route = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(request.path);
  const [, name = '', kind, rest = ''] = route ?? [];
  if (request.path === '/v2/') return void response.writeHead(200).end('{}');
  if (kind === 'referrers' && contents.referrersApi)
    return serveReferrers(contents, name, rest, request, response);
  if (kind === 'manifests') return serveManifest(contents, name, rest, request, response);
  if (kind === 'tags' && rest === 'list') return serveTags(contents, name, request, response);
  if (kind === 'blobs' && rest.startsWith('uploads/'))
    return serveUpload(contents, name, rest.slice('uploads/'.length), request, response);
  if (kind === 'blobs') return serveBlob(contents, name, rest, request, response);
  refuse(response, 404, 'UNSUPPORTED', 'no such address');
}

async function serveManifest(
  contents: Contents,
  name: string,
  reference: string,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const repository = contents.repositories.get(name);
  if (request.method === 'PUT') {
    const bytes = await request.body();
    const digest = sha256(bytes);
    const isDigest = reference.includes(':');
    if (isDigest && reference !== digest) return refuse(response, 400, 'DIGEST_INVALID', 'not its digest');
    const mediaType = request.headers['content-type'] ?? '';
    contents.addManifest(name, mediaType, bytes, isDigest ? undefined : reference);
    const subject = contents.referrersApi ? subjectOf(bytes) : undefined;
    response
      .writeHead(201, {
        location: `/v2/${name}/manifests/${digest}`,
        'docker-content-digest': digest,
        ...(subject === undefined ? {} : { 'oci-subject': subject }),
      })
      .end();
    return;
  }
  const digest = reference.includes(':') ? reference : repository?.tags.get(reference);
  const manifest = digest === undefined ? undefined : repository?.manifests.get(digest);
  if (manifest === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  response.writeHead(200, {
    'content-type': manifest.mediaType,
    'content-length': manifest.bytes.byteLength,
    'docker-content-digest': digest,
  });
  response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
}

function serveTags(
  contents: Contents,
  name: string,
  request: RecordedRequest,
  response: ServerResponse,
): void {
  const repository = contents.repositories.get(name);
  if (repository === undefined) {
    refuse(response, 404, 'NAME_UNKNOWN', 'repository name not known');
    return;
  }
  const after = request.query.get('last') ?? '';
  const n = Number(request.query.get('n') ?? 100);
  const left = [...repository.tags.keys()].sort().filter((tag) => tag > after);
  const page = left.slice(0, n);
  const next = `/v2/${name}/tags/list?n=${n}&last=${encodeURIComponent(page.at(-1) ?? '')}`;
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(left.length > page.length ? { link: `<${next}>; rel="next"` } : {}),
  });
  response.end(JSON.stringify({ name, tags: page }));
}

function serveBlob(
  contents: Contents,
  name: string,
  digest: string,
  request: RecordedRequest,
  response: ServerResponse,
): void {
  const blob = contents.blob(name, digest);
  if (blob === undefined) {
    refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const first = Number(range?.[1] ?? 0);
  const last = range?.[2] ? Math.min(Number(range[2]), blob.byteLength - 1) : blob.byteLength - 1;
  if (first > last && range !== null) {
    response.writeHead(416, { 'content-range': `bytes */${blob.byteLength}` }).end();
    return;
  }
  const part = blob.subarray(first, last + 1);
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': part.byteLength,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    ...(range === null ? {} : { 'content-range': `bytes ${first}-${last}/${blob.byteLength}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}
