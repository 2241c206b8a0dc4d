import * as http from 'node:http';
import type { OpenContent } from '../content/index.js';
import type { Limits } from './limits.js';
import { networkError, timeoutError } from './network-error.js';
import { HttpResponse } from './response.js';

/** How many idle connections to one host are kept for the next requests. */
const idleSocketsPerHost = 8;

/** A body to send: its exact length in bytes, and how to open it, again where the request has to be repeated. */
export interface RequestBody {
  readonly length: number;
  readonly open: OpenContent;
}

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  /** Header names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Sends single requests: no redirects, no authentication, no second try. */
export interface Transport {
  /**
   * Sends a request and returns the answer as soon as its headers are there.
   * @throws EngineshedError `NETWORK_FAILED`, `TIMEOUT`, `TLS_FAILED`, `REGISTRY_UNAVAILABLE`, `RESPONSE_INVALID` (see
   * `networkError`), what the body's source throws, and the reason of an aborted signal
   */
  exchange(request: HttpRequest): Promise<HttpResponse>;
  /** Closes the connections. */
  close(): void;
}

/** What a transport needs to know. */
export interface TransportOptions {
  readonly userAgent: string;
  /** Certificates (PEM) of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
  readonly limits: Limits;
}

/** A transport over node:http and node:https, which keeps connections open for the next request. */
export function createTransport(options: TransportOptions): Transport {
  const pool = { keepAlive: true, maxFreeSockets: idleSocketsPerHost };
  const plain = new http.Agent(pool);
  let secure: Promise<http.Agent> | undefined;
  const secureAgent = () => {
    secure ??= import('./secure-agent.js').then(({ createSecureAgent }) =>
      createSecureAgent(pool, options.ca),
    );
    return secure;
  };
  return {
    exchange: async (request) => {
      const agent = request.url.protocol === 'https:' ? await secureAgent() : plain;
      return exchange(request, agent, options);
    },
    close: () => {
      plain.destroy();
      secure?.then((agent) => agent.destroy());
    },
  };
}

async function exchange(
  request: HttpRequest,
  agent: http.Agent,
  { userAgent, limits }: TransportOptions,
): Promise<HttpResponse> {
  const { url, method, body, signal } = request;
  signal?.throwIfAborted();
  const outgoing = http.request({
    agent,
    method,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    headers: {
      ...request.headers,
      'user-agent': userAgent,
      'accept-encoding': 'identity',
      ...(method === 'GET' || method === 'HEAD' ? {} : { 'content-length': body?.length ?? 0 }),
    },
  });
  const patience = createPatience(outgoing, url);
  let message: http.IncomingMessage | undefined;
  const abort = () => (message ?? outgoing).destroy(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  outgoing.once('close', () => {
    patience.rest();
    signal?.removeEventListener('abort', abort);
  });
  let sourceError: unknown;
  try {
    return await new Promise<HttpResponse>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.once('socket', () => patience.expect(limits.idleMs));
      outgoing.once('response', (incoming) => {
        patience.rest();
        message = incoming;
        resolve(new HttpResponse(url, incoming, limits, signal));
      });
      if (body === undefined) outgoing.end();
      else
        send(outgoing, body, patience, limits).catch((error) => {
          sourceError = error;
          reject(error);
        });
    });
  } catch (error) {
    outgoing.destroy();
    if (signal?.aborted) throw signal.reason;
    throw error === sourceError ? error : networkError(error, url);
  }
}

/** Sends a body with back-pressure. An answer that comes before its end (a refusal) ends the sending. */
async function send(
  outgoing: http.ClientRequest,
  body: RequestBody,
  patience: Patience,
  limits: Limits,
): Promise<void> {
  let answered = false;
  outgoing.once('response', (incoming) => {
    answered = true;
    // The connection cannot carry another request while this one's body is incomplete.
    incoming.once('close', () => outgoing.writableEnded || outgoing.destroy());
  });
  for await (const chunk of await body.open()) {
    if (answered || outgoing.destroyed) return;
    if (outgoing.write(chunk)) continue;
    patience.expect(limits.idleMs);
    await writable(outgoing);
    patience.rest();
  }
  if (answered || outgoing.destroyed) return;
  outgoing.end();
  patience.expect(limits.commitMs);
}

function writable(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'response']) outgoing.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'response']) outgoing.on(event, done);
  });
}

/** A timer that ends the request when the other side lets us wait. */
interface Patience {
  expect(ms: number): void;
  rest(): void;
}

function createPatience(outgoing: http.ClientRequest, url: URL): Patience {
  let timer: NodeJS.Timeout | undefined;
  const rest = () => clearTimeout(timer);
  const expire = () => outgoing.destroy(timeoutError(url, 'did not answer in time'));
  return {
    rest,
    expect: (ms) => {
      rest();
      timer = setTimeout(expire, ms);
    },
  };
}
