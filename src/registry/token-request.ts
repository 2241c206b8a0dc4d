import * as v from 'valibot';
import { streamOf } from '../content/index.js';
import type { Credential } from '../credentials/index.js';
import { EngineshedError } from '../errors/index.js';
import { parseJson } from '../oci/index.js';
import { exchangeFollowing } from './redirect.js';
import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import type { Secrets } from './secrets.js';
import { isWebPage, statusError, webPageError } from './status-error.js';
import type { Transport } from './transport.js';
import { publicUrl } from './url.js';

/** What we call ourselves to token services. */
const clientId = 'engineshed';
/** The most bytes of a token service's answer. */
const maxAnswerBytes = 256 * 1024;
/** How long a token is good where the service does not say, and at least, in seconds (distribution's token protocol). */
const defaultLifetime = 60;

const answerSchema = v.looseObject({
  token: v.optional(v.string()),
  access_token: v.optional(v.string()),
  expires_in: v.optional(v.number()),
  refresh_token: v.optional(v.string()),
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
  /** `login` asks for an identity token as well, which takes the place of the password from then on. */
  readonly purpose: 'access' | 'login';
  /** What a user can do where the service refuses. */
  readonly hint: string;
}

/** What tokens are fetched with. */
export interface TokenRequestOptions {
  readonly transport: Transport;
  readonly pace: Pace;
  readonly secrets: Secrets;
}

/** What a token service gave. */
export interface GivenToken {
  readonly value: string;
  /** How long it is good, in seconds. */
  readonly lifetime: number;
  /** The refresh token, where the service gave one. */
  readonly identityToken: string | undefined;
}

/**
 * Asks a token service: GET with the password or anonymously (distribution's token protocol), POST with an identity token (OAuth 2).
 * @throws EngineshedError `UNAUTHORIZED`, `RESPONSE_INVALID`, and as requests do
 */
export async function requestToken(options: TokenRequestOptions, request: TokenRequest): Promise<GivenToken> {
  const { pace, secrets } = options;
  let body: Uint8Array = new Uint8Array();
  const response = await pace.persist(request.realm, async () => {
    const answer = await ask(options, request);
    if (answer.status === 200 && !isWebPage(answer)) body = await answer.read(maxAnswerBytes);
    return answer;
  });
  const what = request.purpose === 'login' ? 'a token to log in' : `a token for ${request.scopes.join(' ')}`;
  if (response.status !== 200) {
    const refused = response.status === 401 || response.status === 403;
    throw await statusError(response, {
      what,
      redact: (text) => secrets.redact(text),
      ...(refused ? { code: 'UNAUTHORIZED', hint: request.hint } : {}),
    });
  }
  const token = readToken(response, body, what);
  secrets.add(token.value);
  if (token.identityToken !== undefined) secrets.add(token.identityToken);
  return token;
}

function ask(options: TokenRequestOptions, request: TokenRequest): Promise<HttpResponse> {
  const { exchange } = options.transport;
  const { realm, service, scopes, credential, purpose } = request;
  if (credential?.kind === 'identityToken') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      service: service ?? '',
      client_id: clientId,
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
  if (purpose === 'login') {
    url.searchParams.set('offline_token', 'true');
    url.searchParams.set('client_id', clientId);
    if (credential !== undefined) url.searchParams.set('account', credential.username);
  }
  return exchangeFollowing(exchange, {
    method: 'GET',
    url,
    headers: credential === undefined ? {} : { authorization: basicAuthorization(credential) },
  });
}

/** The value of an `Authorization` header for a user name and password (RFC 7617). */
export function basicAuthorization(credential: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

function readToken(response: HttpResponse, body: Uint8Array, what: string): GivenToken {
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
  return {
    value,
    lifetime: lifetime > 0 ? lifetime : defaultLifetime,
    identityToken: answer.refresh_token || undefined,
  };
}
