import type { ServerResponse } from 'node:http';
import { type Answer, send } from './answer.js';
import type { RecordedRequest } from './request.js';

/**
 * Does what a request asks for and gives what the registry properly answers, to be changed and sent; undefined where the
 * connection was lost, so that there is nobody to answer to.
 * @param request another request to be carried out instead
 */
export type Proper = (request?: RecordedRequest) => Promise<Answer | undefined>;

/**
 * A piece of misbehaviour, asked before the registry answers properly. It answers itself and returns `handled`, or leaves
 * the request to the next script and at last to the registry by returning nothing.
 */
export type Script = (
  request: RecordedRequest,
  response: ServerResponse,
  proper: Proper,
) => 'handled' | undefined | Promise<'handled' | undefined>;

/** Which requests a fault strikes. */
export interface Occasion {
  /** Tells it of a request; each fault says which it strikes where this is not given. */
  readonly which?: (request: RecordedRequest) => boolean;
  /** How many of them, the first ones; all where this is not given. */
  readonly times?: number;
}

/** A script that answers on an occasion. */
export function strike(
  { which, times = Number.POSITIVE_INFINITY }: Occasion,
  usual: (request: RecordedRequest) => boolean,
  act: (request: RecordedRequest, response: ServerResponse, proper: Proper) => void | Promise<void>,
): Script {
  const strikes = which ?? usual;
  let left = times;
  return async (request, response, proper) => {
    if (left <= 0 || !strikes(request)) return undefined;
    left--;
    await act(request, response, proper);
    return 'handled';
  };
}

/** A script that changes the proper answer on an occasion. */
export function alter(
  occasion: Occasion,
  usual: (request: RecordedRequest) => boolean,
  change: (answer: Answer, request: RecordedRequest) => Answer | Promise<Answer>,
): Script {
  return strike(occasion, usual, async (request, response, proper) => {
    const answer = await proper();
    if (answer !== undefined) send(response, await change(answer, request));
  });
}

/** Whether a request reads a blob. */
export function readsBlob({ kind, method }: RecordedRequest): boolean {
  return kind === 'blob' && method === 'GET';
}

/** Whether a request sends bytes to an upload session. */
export function sendsBytes({ kind, method }: RecordedRequest): boolean {
  return kind === 'upload' && (method === 'PATCH' || method === 'PUT');
}
