import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RecordedRequest } from './registry.js';
import { serveUpload } from './uploads.js';

/** A stored manifest. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * What a registry stores: blobs by digest, manifests and tags by repository. A blob that was put here directly is in every
 * repository; one that was uploaded, mounted or added to a repository is only there.
 */
export class Contents {
  readonly blobs = new Map<string, Buffer>();
  readonly repositories = new Map<
    string,
    { manifests: Map<string, StoredManifest>; tags: Map<string, string> }
  >();
  /** What came so far, by session. */
  readonly uploads = new Map<string, Buffer>();
  /** Which repositories have a blob, where not all of them do. */
  readonly #homes = new Map<string, Set<string>>();

  /** A repository, made if it is not there. */
  repository(name: string) {
    const known = this.repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
    this.repositories.set(name, known);
    return known;
  }

  /** Stores a blob, in one repository or in all of them; returns its digest. */
  addBlob(bytes: Buffer, name?: string): string {
    const digest = sha256(bytes);
    if (name === undefined) this.blobs.set(digest, bytes);
    else this.store(name, digest, bytes);
    return digest;
  }

  /** Stores a blob in one repository. */
  store(name: string, digest: string, bytes: Buffer): void {
    const isEverywhere = this.blobs.has(digest) && !this.#homes.has(digest);
    this.blobs.set(digest, bytes);
    if (!isEverywhere) this.#homes.set(digest, (this.#homes.get(digest) ?? new Set()).add(name));
  }

  /** The blob as a repository has it. */
  blob(name: string, digest: string): Buffer | undefined {
    const homes = this.#homes.get(digest);
    return homes === undefined || homes.has(name) ? this.blobs.get(digest) : undefined;
  }

  /** Puts a blob of one repository, or of any, into another; tells whether it was there. */
  mount(digest: string, from: string | undefined, name: string): boolean {
    const blob = from === undefined ? this.blobs.get(digest) : this.blob(from, digest);
    if (blob === undefined) return false;
    this.store(name, digest, blob);
    return true;
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
  if (kind === 'blobs') return serveBlob(contents, name, rest, request, response);
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
