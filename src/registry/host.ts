import type { CredentialSource } from '../credentials/index.js';
import type { EngineshedError } from '../errors/index.js';
import { type AddressedRequest, RegistryAddress } from './address.js';
import { Authenticator, type Permission } from './auth.js';
import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import type { Schemes } from './schemes.js';
import { Secrets } from './secrets.js';
import { type StatusErrorOptions, statusError } from './status-error.js';
import type { Transport } from './transport.js';
import { UploadHabits } from './upload-habits.js';

/** A request to a registry, with what it is for. */
export type RegistryRequest = AddressedRequest & {
  readonly permission: Permission;
  /** Tells of an answer that it is taken as it is, although a later one might be another. */
  readonly isFinal?: (response: HttpResponse) => boolean;
};

/** What a registry is reached with. */
export interface RegistryHostOptions {
  /** The name, as in references. */
  readonly registry: string;
  readonly schemes: Schemes;
  readonly credentials: CredentialSource;
  readonly transport: Transport;
  readonly pace: Pace;
}

/** One registry: its address, its authentication, and the pace that it wants. */
export class RegistryHost {
  /** The name, as in references. */
  readonly registry: string;
  /** Spaces out tries at this and all other hosts. */
  readonly pace: Pace;
  /** What uploads have learned about it. */
  readonly uploads = new UploadHabits();
  readonly #address: RegistryAddress;
  readonly #auth: Authenticator;
  readonly #secrets = new Secrets();

  constructor(options: RegistryHostOptions) {
    const { registry, transport, pace } = options;
    this.registry = registry;
    this.pace = pace;
    this.#address = new RegistryAddress(registry, options.schemes, transport.exchange);
    this.#auth = new Authenticator({ ...options, address: this.#address, secrets: this.#secrets });
  }

  /**
   * Sends a request until it gets an answer that trying again will not change, or the tries are used up. Of the answers
   * 401 is dealt with here, all others are the caller's.
   * @throws EngineshedError `UNAUTHORIZED`, `FORBIDDEN`, `CREDENTIALS_FAILED`, `RATE_LIMITED`, and as
   * `Transport.exchange` does
   */
  send(request: RegistryRequest): Promise<HttpResponse> {
    const url = this.#address.locate(request.target);
    return this.pace.persist(url, () => this.sendOnce(request), request);
  }

  /**
   * Sends a request as {@link send} does and reads the first `limit` bytes of the body of a 200; where the connection is
   * lost meanwhile it starts again.
   */
  async sendAndRead(
    request: RegistryRequest,
    limit: number,
  ): Promise<{ response: HttpResponse; body: Buffer | undefined }> {
    let body: Buffer | undefined;
    const url = this.#address.locate(request.target);
    const attempt = async () => {
      const response = await this.sendOnce(request);
      if (response.status === 200) body = await response.readSome(limit);
      return response;
    };
    const response = await this.pace.persist(url, attempt, request);
    return { response, body };
  }

  /**
   * Sends a request once, but for one authentication. Credentials go to the registry's own origin only, and what another
   * origin answers never leads to an authentication.
   * @throws EngineshedError as {@link send} does
   */
  async sendOnce(request: RegistryRequest): Promise<HttpResponse> {
    const { permission } = request;
    const own = this.isOwn(this.#address.locate(request.target));
    const authorization =
      own && this.#address.settled ? await this.#auth.authorization(permission) : undefined;
    const response = await this.#address.send(withAuthorization(request, authorization));
    if (!this.isOwn(response.url)) return response;
    if (response.status === 403) throw await this.#auth.refused(response, permission);
    if (response.status !== 401) return response;
    const renewed = await this.#auth
      .renew(response, permission, authorization)
      .finally(() => response.discard());
    const second = await this.#address.send(withAuthorization(request, renewed));
    if (this.isOwn(second.url) && (second.status === 401 || second.status === 403))
      throw await this.#auth.refused(second, permission);
    return second;
  }

  /** The error of an answer that is not the one hoped for; see `statusError`. */
  refusal(response: HttpResponse, options: Omit<StatusErrorOptions, 'redact'>): Promise<EngineshedError> {
    return statusError(response, { ...options, redact: (text) => this.#secrets.redact(text) });
  }

  /** Tells whether an address is the registry's own, not one that it led us to. */
  isOwn(url: URL): boolean {
    return url.origin === this.#address.base.origin;
  }
}

function withAuthorization(
  { permission: _permission, isFinal: _isFinal, ...request }: RegistryRequest,
  authorization: string | undefined,
): AddressedRequest {
  return authorization === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization } };
}
