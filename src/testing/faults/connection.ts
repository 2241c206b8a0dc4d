import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from '../answer.js';
import { type Occasion, readsBlob, type Script, sendsBytes, strike } from '../script.js';

/**
 * Loses the connection in the middle of a body. Strikes what reads a blob.
 * @param fault `after` is how many bytes of the body are sent before; `by` how the connection ends: `reset`, or `end` in
 *   good order, as a proxy does whose own connection was lost; `reset` where it is not given
 */
export function cutBody(fault: Occasion & { readonly after: number; readonly by?: 'reset' | 'end' }): Script {
  return strike(fault, readsBlob, async (_request, response, proper) => {
    const answer = await proper();
    if (answer === undefined) return;
    await begin(response, answer, answer.body.subarray(0, fault.after));
    if (fault.by === 'end') response.socket?.end();
    else response.socket?.resetAndDestroy();
  });
}

/**
 * Sends the body in small pieces. Strikes what reads a blob.
 * @param fault `bytes` is the size of a piece; `everyMs` the pause between two of them, in milliseconds
 */
export function drip(fault: Occasion & { readonly bytes: number; readonly everyMs: number }): Script {
  return strike(fault, readsBlob, async (_request, response, proper) => {
    const answer = await proper();
    if (answer === undefined) return;
    await begin(response, answer, answer.body.subarray(0, fault.bytes));
    for (let at = fault.bytes; at < answer.body.byteLength && !response.destroyed; at += fault.bytes) {
      await delay(fault.everyMs);
      response.write(answer.body.subarray(at, at + fault.bytes));
    }
    response.end();
  });
}

/** Takes the request and never answers. Strikes what reads a blob. */
export function noAnswer(occasion: Occasion = {}): Script {
  return strike(occasion, readsBlob, () => {});
}

/**
 * Loses the connection in the middle of what a client sends; the upload session keeps the bytes that came. Strikes PATCH and
 * PUT of uploads.
 * @param fault `after` is how many bytes of the body are taken before
 */
export function cutUpload(fault: Occasion & { readonly after: number }): Script {
  return strike(fault, sendsBytes, async (request, _response, proper) => {
    request.cutAfter(fault.after);
    await proper();
  });
}

/** Sends the head of an answer and the beginning of its body. */
function begin(response: ServerResponse, { status, headers }: Answer, part: Buffer): Promise<void> {
  response.writeHead(status, headers);
  response.flushHeaders();
  return new Promise((resolve) => {
    if (part.byteLength === 0) resolve();
    else response.write(part, () => resolve());
  });
}
