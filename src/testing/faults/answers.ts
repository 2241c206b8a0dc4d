import { refusal, send } from '../answer.js';
import { sha256 } from '../digest.js';
import type { RecordedRequest } from '../request.js';
import { alter, type Occasion, readsBlob, type Script, strike } from '../script.js';

/**
 * Refuses. Strikes every request where the occasion does not say which.
 * @param fault `status` is that of the answer; `retryAfter` the header's text, seconds or a date; `code` the error code of
 *   the distribution specification, `TOOMANYREQUESTS` for 429 and `UNKNOWN` else
 */
export function failWith(
  fault: Occasion & { readonly status: number; readonly retryAfter?: string; readonly code?: string },
): Script {
  const { status, retryAfter, code = status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN' } = fault;
  return strike(fault, always, (_request, response) => {
    const { headers, ...rest } = refusal(status, code, 'refused by a script');
    const more = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    send(response, { ...rest, headers: { ...headers, ...more } });
  });
}

/** Answers 200 with a page of HTML, as a captive portal or a proxy does. Strikes every request. */
export function captivePortal(occasion: Occasion = {}): Script {
  const body = Buffer.from('<!doctype html><title>Welcome</title><p>Accept the terms to go on.');
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-length': body.byteLength };
  return strike(occasion, always, (_request, response) => send(response, { status: 200, headers, body }));
}

/**
 * Flips a bit of the content; length and headers stay. Strikes what reads a blob.
 * @param fault `at` is the byte, counted from the start of the answer's body, the first where it is not given
 */
export function wrongContent(fault: Occasion & { readonly at?: number } = {}): Script {
  return alter(fault, readsBlob, (proper) => {
    const body = Buffer.from(proper.body);
    const at = fault.at ?? 0;
    if (at < body.byteLength) body.writeUInt8(body.readUInt8(at) ^ 1, at);
    return { ...proper, body };
  });
}

/** Says another digest in `Docker-Content-Digest`. Strikes what reads a manifest or a blob, or asks for its headers. */
export function lyingDigest(occasion: Occasion = {}): Script {
  const digest = sha256(Buffer.from('something else'));
  const usual = ({ kind, method }: RecordedRequest) =>
    (kind === 'manifest' || kind === 'blob') && (method === 'GET' || method === 'HEAD');
  return alter(occasion, usual, (proper) => ({
    ...proper,
    headers: { ...proper.headers, 'docker-content-digest': digest },
  }));
}

/** Says another `ETag` in each answer, as if the content changed between two requests. Strikes what reads a blob. */
export function otherETag(occasion: Occasion = {}): Script {
  let count = 0;
  return alter(occasion, readsBlob, (proper) => ({
    ...proper,
    headers: { ...proper.headers, etag: `"${++count}"` },
  }));
}

/** Answers another range than the one that was asked for: it begins a byte later. Strikes what reads a range of a blob. */
export function wrongRange(occasion: Occasion = {}): Script {
  return alter(occasion, readsRange, (proper) => {
    const range = String(proper.headers['content-range'] ?? '');
    const [, first, rest] = /^bytes (\d+)(-\d+\/\d+)$/.exec(range) ?? [];
    if (first === undefined) return proper;
    const body = proper.body.subarray(1);
    const headers = {
      ...proper.headers,
      'content-length': body.byteLength,
      'content-range': `bytes ${Number(first) + 1}${rest}`,
    };
    return { ...proper, headers, body };
  });
}

/**
 * Sends those who read blobs to another origin, as registries with a storage service do (307). Give that origin the same
 * `contents` to let it answer.
 * @param origin for instance another registry's `url`
 */
export function redirectBlobs(origin: string, occasion: Occasion = {}): Script {
  return strike(occasion, readsBlob, ({ path }, response) => {
    send(response, {
      status: 307,
      headers: { location: `${origin}${path}?signature=x` },
      body: Buffer.alloc(0),
    });
  });
}

/**
 * Makes what `Location` and `Link` say absolute, at another origin. Strikes uploads and lists.
 * @param origin for instance another registry's `url`
 */
export function foreignLocations(origin: string, occasion: Occasion = {}): Script {
  const usual = ({ kind }: RecordedRequest) => kind === 'upload' || kind === 'tags' || kind === 'referrers';
  return alter(occasion, usual, (proper) => {
    const headers = { ...proper.headers };
    if (headers.location !== undefined) headers.location = `${origin}${headers.location}`;
    if (headers.link !== undefined) headers.link = String(headers.link).replace('<', `<${origin}`);
    return { ...proper, headers };
  });
}

/** Lists tags, or referrers, without end: each page has one more tag and names a further page. Strikes such lists. */
export function endlessPages(occasion: Occasion = {}): Script {
  return alter(occasion, isList, (proper, { kind, path, query, repository }) => {
    const page = Number(query.get('last')?.replace('tag-', '') ?? 0) + 1;
    const link = `<${path}?last=tag-${page}>; rel="next"`;
    const body =
      kind === 'tags'
        ? Buffer.from(JSON.stringify({ name: repository, tags: [`tag-${page}`] }))
        : proper.body;
    return { ...proper, headers: { ...proper.headers, 'content-length': body.byteLength, link }, body };
  });
}

/** Names each page of a list as the one after it. Strikes lists of tags and referrers. */
export function loopingPages(occasion: Occasion = {}): Script {
  return alter(occasion, isList, (proper, { path, query }) => ({
    ...proper,
    headers: { ...proper.headers, link: `<${path}?${query}>; rel="next"` },
  }));
}

function always(): boolean {
  return true;
}

function readsRange(request: RecordedRequest): boolean {
  return readsBlob(request) && request.headers.range !== undefined;
}

function isList({ kind, method }: RecordedRequest): boolean {
  return method === 'GET' && (kind === 'tags' || kind === 'referrers');
}
