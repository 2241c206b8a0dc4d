import type * as http from 'node:http';

/** What a request is about, by its path. */
export type RequestKind = 'ping' | 'manifest' | 'blob' | 'upload' | 'tags' | 'referrers' | 'other';

/** A request as the scripted registry saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** The path, decoded by nobody. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly kind: RequestKind;
  /** The repository's name; empty where the path has none. */
  readonly repository: string;
  /** The tag, digest or upload session, decoded; empty where the path has none. */
  readonly reference: string;
  /** The body, read when a handler asked for it; rejects where the connection is lost before its end. */
  readonly body: () => Promise<Buffer>;
  /** What comes of the body, and whether that is all of it. */
  readonly received: () => Promise<{ readonly bytes: Buffer; readonly whole: boolean }>;
  /** Lets the connection be lost after so many bytes of the body; to be said before the body is read. */
  readonly cutAfter: (bytes: number) => void;
}

/** Makes the record of a request that came in. */
export function record(incoming: http.IncomingMessage): RecordedRequest {
  const url = new URL(`http://registry${incoming.url}`);
  let limit = Number.POSITIVE_INFINITY;
  const received = once(() => readBody(incoming, limit));
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    ...route(url.pathname),
    received,
    body: async () => {
      const { bytes, whole } = await received();
      if (!whole) throw new Error('the connection was lost before the end of the body');
      return bytes;
    },
    cutAfter: (bytes) => {
      limit = bytes;
    },
  };
}

/** The addresses of the distribution specification, "Endpoints". */
const routes: readonly [RequestKind, RegExp][] = [
  ['upload', /^\/v2\/(.+)\/blobs\/uploads(?:\/(.*))?$/],
  ['blob', /^\/v2\/(.+)\/blobs\/([^/]+)$/],
  ['manifest', /^\/v2\/(.+)\/manifests\/([^/]+)$/],
  ['referrers', /^\/v2\/(.+)\/referrers\/([^/]+)$/],
  ['tags', /^\/v2\/(.+)\/tags\/list$/],
  ['ping', /^\/v2\/?$/],
];

function route(path: string): { kind: RequestKind; repository: string; reference: string } {
  for (const [kind, pattern] of routes) {
    const [whole, repository = '', reference = ''] = pattern.exec(path) ?? [];
    if (whole !== undefined) return { kind, repository, reference: decode(reference) };
  }
  return { kind: 'other', repository: '', reference: '' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function readBody(
  incoming: http.IncomingMessage,
  limit: number,
): Promise<{ bytes: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming) {
      chunks.push(chunk as Buffer);
      size += chunk.byteLength;
      if (size < limit) continue;
      incoming.socket.resetAndDestroy();
      return { bytes: Buffer.concat(chunks).subarray(0, limit), whole: false };
    }
  } catch {
    return { bytes: Buffer.concat(chunks), whole: false };
  }
  return { bytes: Buffer.concat(chunks), whole: true };
}
