import { createHash, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Contents } from './contents.js';
import { refuse } from './refuse.js';
import type { RecordedRequest } from './registry.js';

/**
 * Answers what is asked below `/v2/NAME/blobs/uploads/` (distribution specification, "Push" and "Cancel a blob upload"):
 * POST, also with the whole blob or to mount one, and PATCH, GET, PUT and DELETE of a session. It is strict: each answer
 * names a new location, and bytes that are sent to another one than the last are refused with 416. What comes of a body
 * before the connection is lost stays in the session.
 */
export async function serveUpload(
  contents: Contents,
  name: string,
  session: string,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  if (session === '' && request.method === 'POST') return begin(contents, name, request, response);
  const bytes = contents.uploads.get(session);
  if (bytes === undefined) {
    await request.received();
    return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
  }
  if (request.method === 'GET')
    return void response.writeHead(204, progress(name, session, bytes.byteLength)).end();
  if (request.method === 'DELETE') {
    contents.uploads.delete(session);
    return void response.writeHead(204).end();
  }
  if (request.method === 'PATCH' || request.method === 'PUT')
    return take(contents, name, session, bytes, request, response);
  refuse(response, 405, 'UNSUPPORTED', 'not supported');
}

async function begin(
  contents: Contents,
  name: string,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const { mount, from, digest } = Object.fromEntries(request.query);
  if (mount !== undefined && contents.mount(mount, from, name))
    return void response.writeHead(201, stored(name, mount)).end();
  if (digest !== undefined) return commit(contents, name, digest, await request.body(), response);
  const session = randomUUID();
  contents.uploads.set(session, Buffer.alloc(0));
  response.writeHead(202, progress(name, session, 0)).end();
}

/** Takes the bytes of a PATCH or PUT; a PUT closes the session. */
async function take(
  contents: Contents,
  name: string,
  session: string,
  before: Buffer,
  request: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const at = before.byteLength;
  const { bytes, whole } = await request.received();
  const range = request.headers['content-range'];
  const isEmpty = whole && bytes.byteLength === 0;
  const isInOrder =
    (request.query.get('at') ?? String(at)) === String(at) &&
    (range === undefined ? true : range.startsWith(`${at}-`)) &&
    (range === undefined || !whole || range === `${at}-${at + bytes.byteLength - 1}`);
  if (!isInOrder && !isEmpty) {
    response.writeHead(416, progress(name, session, at)).end();
    return;
  }
  const all = Buffer.concat([before, bytes]);
  contents.uploads.set(session, all);
  if (!whole) return;
  if (request.method === 'PATCH')
    return void response.writeHead(202, progress(name, session, all.byteLength)).end();
  contents.uploads.delete(session);
  commit(contents, name, request.query.get('digest') ?? '', all, response);
}

function commit(contents: Contents, name: string, digest: string, blob: Buffer, response: ServerResponse) {
  const [algorithm = ''] = digest.split(':', 1);
  const isKnown = algorithm === 'sha256' || algorithm === 'sha512';
  const actual = isKnown ? `${algorithm}:${createHash(algorithm).update(blob).digest('hex')}` : undefined;
  if (digest !== actual) return refuse(response, 400, 'DIGEST_INVALID', 'digest invalid');
  contents.store(name, digest, blob);
  response.writeHead(201, stored(name, digest)).end();
}

function progress(name: string, session: string, bytes: number) {
  return {
    location: `/v2/${name}/blobs/uploads/${session}?state=a%2Fb&at=${bytes}`,
    range: `0-${Math.max(0, bytes - 1)}`,
    'docker-upload-uuid': session,
  };
}

function stored(name: string, digest: string) {
  return { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest };
}
