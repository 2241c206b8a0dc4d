import { isCertificateFault, isNoHttp, isNoTls } from './network-error.js';
import type { Exchange } from './redirect.js';
import { exchangeFollowing } from './redirect.js';
import type { HttpResponse } from './response.js';
import type { Schemes } from './schemes.js';
import type { HttpRequest } from './transport.js';
import { isPrivateChannel } from './url.js';

/** A request to a registry: a path below its address, or a whole address that it named. */
export type AddressedRequest = Omit<HttpRequest, 'url'> & { readonly target: string | URL };

/**
 * Where a registry is spoken to, and whether over http or https. Where {@link Schemes} allows both, the first requests find
 * out which it is; what was found is used for good. Over https it is fully verified, and a certificate that is not accepted
 * never leads to http.
 */
export class RegistryAddress {
  /** Whether the scheme is known. Until then no credential may be sent. */
  get settled(): boolean {
    return this.#settled;
  }

  readonly #host: string;
  #base: URL;
  #settled: boolean;
  #settling: Promise<unknown> | undefined;
  readonly #exchange: Exchange;

  constructor(registry: string, schemes: Schemes, exchange: Exchange) {
    this.#host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    this.#base = this.#over(schemes.startsWith('https') ? 'https' : 'http');
    this.#settled = schemes === 'http' || schemes === 'https';
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

  async #settle(request: AddressedRequest): Promise<HttpResponse> {
    const first = this.#base;
    const { answer, failure } = await this.#try(request);
    if (answer !== undefined && failure === undefined) return answer;
    this.#base = this.#over(first.protocol === 'http:' ? 'https' : 'http');
    try {
      const second = await this.#try(request);
      if (second.failure === undefined && second.answer !== undefined) {
        answer?.discard();
        return second.answer;
      }
      second.answer?.discard();
    } catch (error) {
      if (isCertificateFault(error)) throw error;
    }
    this.#base = first;
    if (answer === undefined) throw failure;
    this.#settled = true;
    return answer;
  }

  /**
   * Sends a request over the present scheme. Where the other side seems to speak the other one there is a `failure`, with
   * the answer where there is one: Go's servers answer plain http on a TLS port with 400, others drop the connection.
   */
  async #try(request: AddressedRequest): Promise<{ answer?: HttpResponse; failure?: unknown }> {
    const isPlain = this.#base.protocol === 'http:';
    try {
      const answer = await this.#follow(request);
      if (isPlain && answer.status === 400) return { answer, failure: answer };
      this.#settled = true;
      return { answer };
    } catch (error) {
      if (isCertificateFault(error)) this.#settled = true;
      if (isPlain ? isNoHttp(error) : isNoTls(error)) return { failure: error };
      throw error;
    }
  }

  #over(scheme: 'http' | 'https'): URL {
    return new URL(`${scheme}://${this.#host}/`);
  }

  #follow({ target, ...request }: AddressedRequest): Promise<HttpResponse> {
    return exchangeFollowing(this.#exchange, { ...request, url: this.locate(target) });
  }
}
