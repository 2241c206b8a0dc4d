import type { ServerResponse } from 'node:http';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';

/** What a registry sent of its blobs. */
export interface Sent {
  /** The bytes of each answer, in the order of the requests. */
  readonly bytes: number[];
  /** How many answers are being sent, and how many were at most. */
  now: number;
  most: number;
}

/** How a registry sends blobs. */
export interface Rate {
  /** How many bytes of an answer it sends at once, every few milliseconds. */
  readonly pieceBytes: number;
  /** After how many bytes in all it sends no more, and leaves its readers waiting. */
  readonly stopAfter?: number;
}

/** Lets a registry send its blobs slowly, each connection by itself, and tells what it sent. */
export function sendSlowly(registry: ScriptedRegistry, { pieceBytes, stopAfter }: Rate): Sent {
  const sent: Sent = { bytes: [], now: 0, most: 0 };
  registry.script(async (request, response, proper) => {
    if (!isBlob(request)) return undefined;
    const answer = await proper();
    if (answer === undefined) return 'handled';
    const at = sent.bytes.push(0) - 1;
    sent.now++;
    sent.most = Math.max(sent.most, sent.now);
    let isOver = false;
    const over = () => {
      if (!isOver) sent.now--;
      isOver = true;
    };
    response.once('close', over);
    response.writeHead(answer.status, answer.headers);
    for (let from = 0; from < answer.body.byteLength && !response.closed; from += pieceBytes) {
      const total = sent.bytes.reduce((sum, bytes) => sum + bytes, 0);
      const most = Math.min(pieceBytes, (stopAfter ?? Number.POSITIVE_INFINITY) - total);
      if (most <= 0) return 'handled';
      const piece = answer.body.subarray(from, from + most);
      // Whoever has the last byte may ask for the next blob before we hear of it.
      if (from + piece.byteLength === answer.body.byteLength) over();
      await written(response, piece);
      sent.bytes[at] = (sent.bytes[at] ?? 0) + piece.byteLength;
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    response.end();
    return 'handled';
  });
  return sent;
}

/** Tells whether a request is for a blob. */
export function isBlob({ method, path }: RecordedRequest): boolean {
  return method === 'GET' && path.includes('/blobs/');
}

/** The `Range` headers of the requests for blobs, in order. */
export function rangesOf(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests.filter(isBlob).map(({ headers }) => headers.range);
}

function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('close', done);
      resolve();
    };
    response.once('close', done);
    response.write(bytes, done);
  });
}
