import { createHash, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RecordedRequest } from './registry.js';

/** A stored manifest. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What a registry stores: blobs by digest (shared by all repositories), manifests and tags by repository. */
export class Contents {
  readonly blobs = new Map<string, Buffer>();
  readonly repositories = new Map<
    string,
    { manifests: Map<string, StoredManifest>; tags: Map<string, string> }
  >();
  readonly uploads = new Map<string, Buffer>();

  /** A repository, made if it is not there. */
  repository(name: string) {
    const known = this.repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
    this.repositories.set(name, known);
    return known;
  }

  /** Stores a blob; returns its digest. */
  addBlob(bytes: Buffer): string {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  /** Stores a manifest and, where told, tags it; returns its digest. */
  addManifest(name: string, mediaType: string, bytes: Buffer, tag?: string): string {
    const digest = sha256(bytes);
    const repository = this.repository(name);
    repository.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) repository.tags.set(tag, digest);
    return digest;
  }
}

/** Answers a request as the distribution specification says. */
export async function serve(
  contents: Contents,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const route = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.*)$/.exec(request.path);
  const [, name = '', kind, rest = ''] = route ?? [];
  if (request.path === '/v2/') return void response.writeHead(200).end('{}');
  if (kind === 'manifests') return serveManifest(contents, name, rest, request, response);
  if (kind === 'tags' && rest === 'list') return serveTags(contents, name, request, response);
  if (kind === 'blobs' && rest.startsWith('uploads/'))
    return serveUpload(contents, name, rest.slice('uploads/'.length), request, response);
  if (kind === 'blobs') return serveBlob(contents, rest, request, response);
  refuse(response, 404, 'UNSUPPORTED', 'no such address');
}

/** Answers with an error in the specification's form. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errors: [{ code, message }] }));
}

/** The digest of bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
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
    response
      .writeHead(201, { location: `/v2/${name}/manifests/${digest}`, 'docker-content-digest': digest })
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
  digest: string,
  request: RecordedRequest,
  response: ServerResponse,
): void {
  const blob = contents.blobs.get(digest);
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

async function serveUpload(
  contents: Contents,
  name: string,
  session: string,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST' && session === '') {
    const id = randomUUID();
    contents.uploads.set(id, Buffer.alloc(0));
    response.writeHead(202, { location: `/v2/${name}/blobs/uploads/${id}?state=a%2Fb`, range: '0-0' }).end();
    return;
  }
  const body = await request.body();
  const before = contents.uploads.get(session);
  if (before === undefined) return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
  if (request.method !== 'PUT') return refuse(response, 405, 'UNSUPPORTED', 'not supported');
  contents.uploads.delete(session);
  const blob = Buffer.concat([before, body]);
  const digest = sha256(blob);
  if (request.query.get('digest') !== digest)
    return refuse(response, 400, 'DIGEST_INVALID', 'digest invalid');
  contents.blobs.set(digest, blob);
  response.writeHead(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest }).end();
}
