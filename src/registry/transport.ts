import * as http from 'node:http';
import type { OpenContent } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Limits } from './limits.js';
import { networkError, timeoutError } from './network-error.js';
import type { ProxyServer } from './proxy.js';
import { HttpResponse } from './response.js';
import { type Route, Routes } from './routes.js';
import type { TrustOptions } from './secure-agent.js';
import { publicUrl } from './url.js';

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
   * `networkError`), `UNAUTHORIZED` and `FORBIDDEN` of a proxy (see `proxyRefusal`), `CONFIG_INVALID` (see `Routes.to`), what
   * the body's source throws, and the reason of an aborted signal
   */
  exchange(request: HttpRequest): Promise<HttpResponse>;
  /** Closes the connections. */
  close(): void;
}

/** What a transport needs to know. */
export interface TransportOptions extends TrustOptions {
  readonly userAgent: string;
  readonly limits: Limits;
}

/**
 * A transport over node:http and node:https, which keeps connections open for the next request. The environment may name proxies
 * (see `proxyFor`); whom TLS trusts is said by {@link TrustOptions}.
 */
export function createTransport(options: TransportOptions): Transport {
  const { userAgent, limits } = options;
  const pool = { keepAlive: true, maxFreeSockets: idleSocketsPerHost };
  const routes = new Routes({ ...options, userAgent, pool, patienceMs: limits.idleMs });
  return {
    exchange: async (request) => exchange(request, await routes.to(request.url), options),
    close: () => routes.close(),
  };
}

async function exchange(
  request: HttpRequest,
  route: Route,
  { userAgent, limits }: TransportOptions,
): Promise<HttpResponse> {
  const { url, method, body, signal } = request;
  signal?.throwIfAborted();
  const outgoing = http.request({
    agent: route.agent,
    method,
    ...addressed(url, route),
    headers: {
      ...request.headers,
      ...toProxy(url, route),
      'user-agent': userAgent,
      'accept-encoding': 'identity',
      ...(method === 'GET' || method === 'HEAD' ? {} : { 'content-length': body?.length ?? 0 }),
    },
  });
  const patience = createPatience(outgoing, url);
  let message: http.IncomingMessage | undefined;
  let abandon = (_reason: unknown) => {};
  const abort = () => {
    (message ?? outgoing).destroy(signal?.reason);
    // A request without a connection yet would tell of its end only when it has one.
    abandon(signal?.reason);
  };
  signal?.addEventListener('abort', abort, { once: true });
  outgoing.once('close', () => {
    patience.rest();
    signal?.removeEventListener('abort', abort);
  });
  let sourceError: unknown;
  try {
    const response = await new Promise<HttpResponse>((resolve, reject) => {
      abandon = reject;
      outgoing.on('error', reject);
      outgoing.once('socket', () => patience.expect(limits.idleMs));
      // Without these two, nothing would tell of an answer that leaves HTTP (RFC 9110, section 15.2.2).
      outgoing.once('upgrade', (incoming, socket) => {
        socket.destroy();
        reject(unasked(url, incoming.statusCode));
      });
      outgoing.once('close', () => reject(new Error('the connection was closed')));
      outgoing.once('response', (incoming) => {
        patience.rest();
        message = incoming;
        resolve(new HttpResponse({ url, via: route.via, limits, signal }, incoming));
      });
      if (body === undefined) outgoing.end();
      else
        send(outgoing, body, patience, limits).catch((error) => {
          sourceError = error;
          reject(error);
        });
    });
    return route.proxy === undefined ? response : await refusingProxy(response, route.proxy);
  } catch (error) {
    outgoing.destroy();
    if (signal?.aborted) throw signal.reason;
    if (error === sourceError) throw error;
    if (route.proxy === undefined) throw networkError(error, url, route.via);
    const { proxyUnreachable } = await import('./proxy-error.js');
    throw proxyUnreachable(error, route.proxy, url);
  }
}

function unasked(url: URL, status: number | undefined): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `${url.host} answered ${status}, to change to another protocol, which nobody asked it to`,
    { details: { url: publicUrl(url), ...(status === undefined ? {} : { status }) } },
  );
}

/** Where to connect and what to ask for there: a proxy is given the whole address (RFC 9112, section 3.2.2). */
function addressed(url: URL, { proxy }: Route) {
  const { protocol, hostname, port } = proxy?.url ?? url;
  const path = `${url.pathname}${url.search}`;
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: proxy === undefined ? path : `${url.origin}${path}`,
  };
}

function toProxy(url: URL, { proxy }: Route): Record<string, string> {
  if (proxy === undefined) return {};
  const { authorization } = proxy;
  return { host: url.host, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) };
}

/** Of the answers that a proxy gives in a host's place, one is surely its own. */
async function refusingProxy(response: HttpResponse, proxy: ProxyServer): Promise<HttpResponse> {
  if (response.status !== 407) return response;
  response.discard();
  const { proxyRefusal } = await import('./proxy-error.js');
  throw proxyRefusal(response.status, response.mediaType, proxy, response.url);
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
  // A small body is written before there is a connection: what counts is when the last byte has left.
  outgoing.once('finish', () => answered || outgoing.destroyed || patience.expect(limits.commitMs));
  outgoing.end();
  patience.expect(limits.idleMs);
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
