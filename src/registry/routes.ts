import * as http from 'node:http';
import type { ProxyServer } from './proxy.js';
import type { TrustOptions } from './secure-agent.js';

/** The way to the hosts of some addresses. */
export interface Route {
  readonly agent: http.Agent;
  /** The proxy on the way, as messages name it. */
  readonly via?: string | undefined;
  /** Set where the proxy itself is spoken to, and given the whole address; else it is the host, perhaps through a tunnel. */
  readonly proxy?: ProxyServer | undefined;
}

/** What routes are made of. */
export interface RouteOptions extends TrustOptions {
  readonly userAgent: string;
  /** How connections are kept. */
  readonly pool: http.AgentOptions;
  /** How long a proxy may take to open a tunnel, in milliseconds. */
  readonly patienceMs: number;
}

/** Finds and keeps the ways to hosts. What only TLS or only a proxy needs is loaded when one is met. */
export class Routes {
  readonly #options: RouteOptions;
  readonly #plain: Route;
  readonly #mayUseProxy: boolean;
  readonly #special = new Map<string, Promise<Route>>();
  #closed = false;

  constructor(options: RouteOptions) {
    this.#options = options;
    this.#plain = { agent: new http.Agent(options.pool) };
    this.#mayUseProxy = Object.entries(options.environment).some(
      ([name, value]) => value && /^(?:https?|all)_proxy$/i.test(name),
    );
  }

  /**
   * The way to an address, one for each origin.
   * @throws EngineshedError `CONFIG_INVALID`, and as `proxyFor` and `tlsOptions` do
   */
  async to(url: URL): Promise<Route> {
    if (url.protocol === 'http:' && !this.#mayUseProxy) return this.#plain;
    const known = this.#special.get(url.origin) ?? this.#make(url);
    this.#special.set(url.origin, known);
    return known;
  }

  /** Closes all connections. */
  close(): void {
    this.#closed = true;
    this.#plain.agent.destroy();
    for (const route of this.#special.values())
      route.then(
        ({ agent }) => agent.destroy(),
        () => undefined,
      );
  }

  async #make(url: URL): Promise<Route> {
    const route = await this.#choose(url);
    if (this.#closed) route.agent.destroy();
    return route;
  }

  async #choose(url: URL): Promise<Route> {
    const { environment } = this.#options;
    if (!this.#mayUseProxy) return this.#direct(url);
    const { proxyFor, proxyName } = await import('./proxy.js');
    const proxy = proxyFor(url, environment);
    if (proxy === undefined) return url.protocol === 'http:' ? this.#plain : this.#direct(url);
    const via = proxyName(proxy);
    if (url.protocol === 'https:') return { ...(await this.#tunnel(url, proxy)), via };
    const route = await this.#direct(proxy.url);
    return { ...route, via, proxy };
  }

  async #direct(url: URL): Promise<Route> {
    const { pool } = this.#options;
    if (url.protocol === 'http:') return { agent: new http.Agent(pool) };
    const { createSecureAgent } = await import('./secure-agent.js');
    return { agent: createSecureAgent(pool, url, this.#options) };
  }

  async #tunnel(url: URL, proxy: ProxyServer): Promise<Route> {
    const { pool, userAgent, patienceMs } = this.#options;
    const [{ TunnelAgent }, { serverName, tlsOptions }] = await Promise.all([
      import('./tunnel-agent.js'),
      import('./secure-agent.js'),
    ]);
    const proxyTls =
      proxy.url.protocol === 'https:'
        ? { ...tlsOptions(proxy.url, this.#options), servername: serverName(proxy.url) }
        : {};
    const tunnel = { proxy, proxyTls, url, userAgent, patienceMs };
    return { agent: new TunnelAgent({ ...pool, ...tlsOptions(url, this.#options) }, tunnel) };
  }
}
