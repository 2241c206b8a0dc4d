import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';

/** How to start a forward proxy. */
export interface ForwardProxyOptions {
  /** Where names lead that only the proxy knows: `host:port` to `127.0.0.1:port`. What is not named cannot be reached. */
  readonly names: Readonly<Record<string, string>>;
  /** `user:password` that it wants. */
  readonly login?: string | undefined;
  /** Served over TLS with this. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Answers in place of the proxy, after it recorded the request: true where it did. */
  readonly misbehave?: (asked: string, socket: Duplex) => boolean;
}

/** A forward proxy on loopback, as proxies are: `CONNECT`, and whole addresses for http. It ends with the test. */
export interface ForwardProxy {
  /** `http://127.0.0.1:port`, or https. */
  readonly url: string;
  readonly host: string;
  /** What it was asked for: `CONNECT host:port`, or `GET http://...`. */
  readonly log: string[];
  /** The headers of each of these. */
  readonly headers: http.IncomingHttpHeaders[];
}

/** Starts a forward proxy on a free port. */
export async function forwardProxy(options: ForwardProxyOptions): Promise<ForwardProxy> {
  const { names, login, tls, misbehave } = options;
  const log: string[] = [];
  const headers: http.IncomingHttpHeaders[] = [];
  const sockets = new Set<Duplex>();
  const keep = <T extends Duplex>(socket: T): T => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const take = (request: http.IncomingMessage, socket: Duplex): boolean => {
    const asked = `${request.method} ${request.url}`;
    log.push(asked);
    headers.push(request.headers);
    if (misbehave?.(asked, socket)) return false;
    const expected = `Basic ${Buffer.from(login ?? '').toString('base64')}`;
    if (login === undefined || request.headers['proxy-authorization'] === expected) return true;
    socket.end(
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="p"\r\ncontent-length: 0\r\n\r\n',
    );
    return false;
  };
  const server = tls === undefined ? http.createServer() : https.createServer(tls);
  server.on('connection', keep);
  server.on('secureConnection', keep);
  server.on('connect', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    keep(socket);
    if (!take(request, socket)) return;
    const [, port] = (names[request.url ?? ''] ?? '').split(':');
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const upstream = keep(net.connect(Number(port), '127.0.0.1'));
    upstream.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
  });
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (!take(request, request.socket)) return;
    const url = new URL(request.url ?? '');
    const [hostname, port] = (names[`${url.hostname}:${url.port || 80}`] ?? '').split(':');
    if (port === undefined) {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>no such host</html>');
      return;
    }
    const { 'proxy-authorization': _own, ...rest } = request.headers;
    const path = `${url.pathname}${url.search}`;
    const upstream = http.request(
      { hostname, port, method: request.method, path, headers: rest },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  return { url: `${tls === undefined ? 'http' : 'https'}://${host}`, host, log, headers };
}
