import type { ServerResponse } from 'node:http';

/** What a registry answers. */
export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | number>>;
  /** The body, also of an answer to HEAD, which is sent without it. */
  readonly body: Buffer;
}

/** An answer, without a body where none is given. */
export function answer(status: number, headers: Answer['headers'], body?: Buffer): Answer {
  return { status, headers, body: body ?? Buffer.alloc(0) };
}

/** An answer of JSON. */
export function json(status: number, headers: Answer['headers'], document: unknown): Answer {
  const body = Buffer.from(JSON.stringify(document));
  return answer(
    status,
    { 'content-type': 'application/json', ...headers, 'content-length': body.byteLength },
    body,
  );
}

/** An error in the form of the distribution specification, "Error codes". */
export function refusal(status: number, code: string, message: string): Answer {
  return json(status, {}, { errors: [{ code, message }] });
}

/** Sends an answer; a response to HEAD has no body. */
export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(response.req.method === 'HEAD' ? undefined : body);
}

/** Sends an error in the form of the distribution specification, for scripts. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, refusal(status, code, message));
}
