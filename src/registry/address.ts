import { isLoopback } from '../oci/index.js';
import { isCertificateFault, isNoHttp } from './network-error.js';
import type { Exchange } from './redirect.js';
import { exchangeFollowing } from './redirect.js';
import type { HttpResponse } from './response.js';
import type { HttpRequest } from './transport.js';
import { isPrivateChannel } from './url.js';

/** A request to a registry: a path below its address, or a whole address that it named. */
export type AddressedRequest = Omit<HttpRequest, 'url'> & { readonly target: string | URL };

/**
 * Where a registry is spoken to, and whether over http or https. A registry on this machine (loopback) for which nobody
 * said so is tried over http first, as Docker does; if it turns out to speak TLS, https is used for good, fully verified.
 * No other host is ever tried over http, and https is never given up.
 */
export class RegistryAddress {
  /** Whether the scheme is known. Until then no credential may be sent. */
  get settled(): boolean {
    return this.#settled;
  }

  #base: URL;
  #settled: boolean;
  #settling: Promise<unknown> | undefined;
  readonly #exchange: Exchange;

  constructor(registry: string, plainHttp: boolean | undefined, exchange: Exchange) {
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    const plain = plainHttp ?? isLoopback(registry);
    this.#base = new URL(`${plain ? 'http' : 'https'}://${host}/`);
    this.#settled = plainHttp !== undefined || !plain;
    this.#exchange = exchange;
  }

  /** The root of the registry, as far as it is known now. */
  get base(): URL {
    return this.#base;
  }

  /** Whether what is sent there stays secret: over https, or without leaving this machine. */
  get isPrivate(): boolean {
    return isPrivateChannel(this.#base);
  }

  /** The address of a target of {@link AddressedRequest}, as far as the scheme is known now. */
  locate(target: string | URL): URL {
    return typeof target === 'string' ? new URL(target, this.#base) : target;
  }

  /** Sends a request, with redirects followed; the first one finds out the scheme where it is not known. */
  async send(request: AddressedRequest): Promise<HttpResponse> {
    while (!this.#settled) {
      if (this.#settling === undefined) return this.#first(request);
      await this.#settling.catch(() => undefined);
    }
    return this.#follow(request);
  }

  #first(request: AddressedRequest): Promise<HttpResponse> {
    const attempt = this.#settle(request).finally(() => {
      this.#settling = undefined;
    });
    this.#settling = attempt;
    return attempt;
  }

  /** Go's servers answer plain http on a TLS port with 400, others drop the connection. */
  async #settle(request: AddressedRequest): Promise<HttpResponse> {
    let answer: HttpResponse | undefined;
    let failure: unknown;
    try {
      answer = await this.#follow(request);
    } catch (error) {
      if (!isNoHttp(error)) throw error;
      failure = error;
    }
    if (answer !== undefined && answer.status !== 400) {
      this.#settled = true;
      return answer;
    }
    const plain = this.#base;
    this.#base = new URL(`https://${plain.host}/`);
    try {
      const overTls = await this.#follow(request);
      this.#settled = true;
      answer?.discard();
      return overTls;
    } catch (error) {
      if (isCertificateFault(error)) {
        this.#settled = true;
        throw error;
      }
      this.#base = plain;
      if (answer === undefined) throw failure;
      this.#settled = true;
      return answer;
    }
  }

  #follow({ target, ...request }: AddressedRequest): Promise<HttpResponse> {
    return exchangeFollowing(this.#exchange, { ...request, url: this.locate(target) });
  }
}
