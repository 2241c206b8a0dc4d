import { randomUUID } from 'node:crypto';
import { type Answer, answer, refusal } from './answer.js';
import type { Contents } from './contents.js';
import { algorithmOf, digestOf } from './digest.js';
import type { RecordedRequest } from './request.js';

/**
 * Answers what is asked below `/v2/NAME/blobs/uploads/` (distribution specification, "Push" and "Cancel a blob upload"):
 * POST, also with the whole blob or to mount one, and PATCH, GET, PUT and DELETE of a session. It is strict: each answer
 * names a new location, and bytes that are sent to another one than the last are refused with 416. What comes of a body
 * before the connection is lost stays in the session, and has no answer.
 */
export async function serveUpload(contents: Contents, request: RecordedRequest): Promise<Answer | undefined> {
  const { repository: name, reference: session, method } = request;
  if (session === '' && method === 'POST') return begin(contents, request);
  const bytes = contents.uploads.get(session);
  if (bytes === undefined) {
    await request.received();
    return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
  }
  if (method === 'GET') return answer(204, progress(name, session, bytes.byteLength));
  if (method === 'DELETE') {
    contents.uploads.delete(session);
    return answer(204, {});
  }
  if (method === 'PATCH' || method === 'PUT') return take(contents, bytes, request);
  return refusal(405, 'UNSUPPORTED', 'not supported');
}

async function begin(contents: Contents, request: RecordedRequest): Promise<Answer> {
  const { mount, from, digest } = Object.fromEntries(request.query);
  const name = request.repository;
  if (mount !== undefined && contents.mount(mount, from, name)) return stored(name, mount);
  if (digest !== undefined) return commit(contents, name, digest, await request.body());
  const session = randomUUID();
  contents.uploads.set(session, Buffer.alloc(0));
  return answer(202, progress(name, session, 0));
}

/** Takes the bytes of a PATCH or PUT; a PUT closes the session. */
async function take(
  contents: Contents,
  before: Buffer,
  request: RecordedRequest,
): Promise<Answer | undefined> {
  const { repository: name, reference: session } = request;
  const at = before.byteLength;
  const { bytes, whole } = await request.received();
  const range = request.headers['content-range'];
  const isEmpty = whole && bytes.byteLength === 0;
  const isInOrder =
    (request.query.get('at') ?? String(at)) === String(at) &&
    (range === undefined ? true : range.startsWith(`${at}-`)) &&
    (range === undefined || !whole || range === `${at}-${at + bytes.byteLength - 1}`);
  if (!isInOrder && !isEmpty) return answer(416, progress(name, session, at));
  // It was cancelled meanwhile, or somebody else sent something.
  if (contents.uploads.get(session) !== before) return refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
  const all = Buffer.concat([before, bytes]);
  contents.uploads.set(session, all);
  if (!whole) return undefined;
  if (request.method === 'PATCH') return answer(202, progress(name, session, all.byteLength));
  contents.uploads.delete(session);
  return commit(contents, name, request.query.get('digest') ?? '', all);
}

function commit(contents: Contents, name: string, digest: string, blob: Buffer): Answer {
  const algorithm = algorithmOf(digest);
  if (algorithm === undefined || digest !== digestOf(blob, algorithm))
    return refusal(400, 'DIGEST_INVALID', 'digest invalid');
  contents.store(name, digest, blob);
  return stored(name, digest);
}

function progress(name: string, session: string, bytes: number) {
  return {
    location: `/v2/${name}/blobs/uploads/${session}?state=a%2Fb&at=${bytes}`,
    range: `0-${Math.max(0, bytes - 1)}`,
    'docker-upload-uuid': session,
  };
}

function stored(name: string, digest: string): Answer {
  return answer(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest });
}
