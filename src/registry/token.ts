import * as v from 'valibot';
import { streamOf } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import type { Credential } from './credential.js';
import { exchangeFollowing } from './redirect.js';
import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import type { Secrets } from './secrets.js';
import { isWebPage, statusError, webPageError } from './status-error.js';
import type { Transport } from './transport.js';
import { publicUrl } from './url.js';

/** The most bytes of a token service's answer. */
const maxAnswerBytes = 256 * 1024;
/** How long a token is good where the service does not say, and at least, in seconds (distribution's token protocol). */
const defaultLifetime = 60;
/** How long before its end a token is not used any more, in milliseconds. */
const marginMs = 10_000;

const answerSchema = v.looseObject({
  token: v.optional(v.string()),
  access_token: v.optional(v.string()),
  expires_in: v.optional(v.number()),
});

/** What token is wanted. */
export interface TokenRequest {
  /** The address of the token service. */
  readonly realm: URL;
  /** The service that it shall be good for, as the challenge names it. */
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** The login to use; undefined asks for an anonymous token. */
  readonly credential: Exclude<Credential, { kind: 'registryToken' }> | undefined;
  /** What a user can do where the service refuses. */
  readonly hint: string;
}

/** What tokens are fetched with. */
export interface TokenSourceOptions {
  readonly transport: Transport;
  readonly pace: Pace;
  readonly secrets: Secrets;
}

/** A token, and until when it is used, on the monotonic clock. */
interface Token {
  readonly value: string;
  readonly until: number;
}

/** A token that is there, or on its way. */
interface Entry {
  readonly fetching: Promise<Token>;
  token?: Token;
}

/** The tokens of one registry: each is fetched once, by whoever needs it first, and used until shortly before its end. */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /**
   * A token.
   * @param refused a token that the registry did not take; it is not given again
   * @throws EngineshedError `UNAUTHORIZED`, `RESPONSE_INVALID`, and as requests do
   */
  async get(request: TokenRequest, refused?: string | undefined): Promise<string> {
    const key = JSON.stringify([request.realm.href, request.service, request.scopes]);
    const known = this.#entries.get(key);
    if (known !== undefined && isUsable(known, refused)) return (await known.fetching).value;
    const entry: Entry = { fetching: this.#fetch(request) };
    this.#entries.set(key, entry);
    try {
      entry.token = await entry.fetching;
      return entry.token.value;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  async #fetch(request: TokenRequest): Promise<Token> {
    const { pace, secrets } = this.#options;
    const asked = performance.now();
    let body: Uint8Array = new Uint8Array();
    const response = await pace.persist(request.realm, async () => {
      const answer = await this.#ask(request);
      if (answer.status === 200 && !isWebPage(answer)) body = await answer.read(maxAnswerBytes);
      return answer;
    });
    const what = `a token for ${request.scopes.join(' ')}`;
    if (response.status !== 200) {
      const refused = response.status === 401 || response.status === 403;
      throw await statusError(response, {
        what,
        redact: (text) => secrets.redact(text),
        ...(refused ? { code: 'UNAUTHORIZED', hint: request.hint } : {}),
      });
    }
    const { value, lifetime } = readToken(response, body, what);
    secrets.add(value);
    return { value, until: asked + lifetime * 1000 - Math.min(marginMs, (lifetime * 1000) / 4) };
  }

  /** GET with the password or anonymously (distribution's token protocol), POST with an identity token (OAuth 2). */
  #ask({ realm, service, scopes, credential }: TokenRequest): Promise<HttpResponse> {
    const { exchange } = this.#options.transport;
    if (credential?.kind === 'identityToken') {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        service: service ?? '',
        client_id: 'engineshed',
        scope: scopes.join(' '),
        refresh_token: credential.token,
      });
      const bytes = Buffer.from(form.toString());
      return exchangeFollowing(exchange, {
        method: 'POST',
        url: realm,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: { length: bytes.byteLength, open: async () => streamOf(bytes) },
      });
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    return exchangeFollowing(exchange, {
      method: 'GET',
      url,
      headers: credential === undefined ? {} : { authorization: basicAuthorization(credential) },
    });
  }
}

/** Whoever comes while a token is on its way gets that one. */
function isUsable({ token }: Entry, refused: string | undefined): boolean {
  return token === undefined || (token.until > performance.now() && token.value !== refused);
}

/** The value of an `Authorization` header for a user name and password (RFC 7617). */
export function basicAuthorization(credential: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

function readToken(
  response: HttpResponse,
  body: Uint8Array,
  what: string,
): { value: string; lifetime: number } {
  if (isWebPage(response)) throw webPageError(response, what);
  const fault = () =>
    new EngineshedError('RESPONSE_INVALID', `${response.url.host} answered without ${what}`, {
      details: { url: publicUrl(response.url), status: response.status },
    });
  let answer: v.InferOutput<typeof answerSchema>;
  try {
    answer = v.parse(answerSchema, parseJson(body, 'token'));
  } catch {
    // The cause could quote the token.
    throw fault();
  }
  const value = answer.token || answer.access_token;
  if (!value || !/^[\x21-\x7e]+$/.test(value)) throw fault();
  const lifetime = answer.expires_in ?? defaultLifetime;
  return { value, lifetime: lifetime > 0 ? lifetime : defaultLifetime };
}
