import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import { timeoutError } from './network-error.js';
import { type ProxyServer, proxyName } from './proxy.js';
import { proxyRefusal, proxyUnreachable } from './proxy-error.js';

/** A way through a proxy. */
export interface Tunnel {
  readonly proxy: ProxyServer;
  /** How TLS is spoken with the proxy itself, where its address is https; else nothing. */
  readonly proxyTls: https.RequestOptions;
  /** Where it leads. */
  readonly url: URL;
  readonly userAgent: string;
  /** How long the proxy may take to answer, in milliseconds. */
  readonly patienceMs: number;
}

type Connected = (error: Error | null, socket?: Duplex) => void;

/**
 * An agent for https with one host through a proxy: each connection is a tunnel that `CONNECT` opens (RFC 9110, section 9.3.6),
 * and in it TLS with the host itself. The proxy's login goes to the proxy, and into no tunnel.
 */
export class TunnelAgent extends https.Agent {
  readonly #tunnel: Tunnel;
  readonly #opening = new Set<http.ClientRequest>();

  constructor(options: https.AgentOptions, tunnel: Tunnel) {
    super(options);
    this.#tunnel = tunnel;
  }

  override createConnection(options: https.RequestOptions, connected: Connected): undefined {
    const secure = (socket: Duplex) => {
      try {
        connected(null, super.createConnection({ ...options, socket } as https.RequestOptions) ?? undefined);
      } catch (error) {
        socket.destroy();
        connected(error as Error);
      }
    };
    this.#open().then(secure, connected);
  }

  override destroy(): void {
    super.destroy();
    for (const request of this.#opening) request.destroy();
  }

  #open(): Promise<Duplex> {
    const { proxy, proxyTls, url, userAgent, patienceMs } = this.#tunnel;
    const authority = `${url.hostname}:${url.port || '443'}`;
    const request = (proxy.url.protocol === 'https:' ? https : http).request({
      ...proxyTls,
      agent: false,
      method: 'CONNECT',
      hostname: proxy.url.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.url.port,
      path: authority,
      headers: {
        host: authority,
        'user-agent': userAgent,
        ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
      },
    });
    const late = () => request.destroy(timeoutError(url, `was not reached in time by ${proxyName(proxy)}`));
    const timer = setTimeout(late, patienceMs);
    this.#opening.add(request);
    return new Promise<Duplex>((resolve, reject) => {
      request.once('error', (error) => reject(proxyUnreachable(error, proxy, url)));
      request.once('connect', (answer, socket, head) => {
        const { statusCode = 0, headers } = answer;
        if (statusCode >= 200 && statusCode < 300) {
          if (head.byteLength > 0) socket.unshift(head);
          resolve(socket);
          return;
        }
        socket.destroy();
        reject(proxyRefusal(statusCode, headers['content-type'] ?? '', proxy, url));
      });
      request.end();
    }).finally(() => {
      clearTimeout(timer);
      this.#opening.delete(request);
    });
  }
}
