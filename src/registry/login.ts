import type { StorableLogin } from '../credentials/index.js';
import { EngineshedError } from '../errors/index.js';
import type { RegistryAddress } from './address.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { chooseChallenge, realmOf, unknownSchemes } from './challenge-choice.js';
import { realmMayHaveCredentials } from './realm.js';
import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import { Secrets } from './secrets.js';
import { isWebPage, statusError, webPageError } from './status-error.js';
import { basicAuthorization, requestToken } from './token-request.js';
import type { Transport } from './transport.js';
import { publicUrl } from './url.js';

/** A user name and password to log in with. */
export interface LoginAttempt {
  readonly username: string;
  readonly password: string;
}

/** What came of a login. */
export interface LoginResult {
  /** What to keep: the identity token in place of the password, where the token service gives one. */
  readonly login: StorableLogin;
  /** `unasked` where the registry answers without any login, so that it could not be checked. */
  readonly outcome: 'verified' | 'unasked';
}

/** What a login is checked with. */
export interface LoginOptions {
  /** The registry's name, as in references. */
  readonly registry: string;
  readonly address: RegistryAddress;
  readonly transport: Transport;
  readonly pace: Pace;
  /** Whether the user has a login for a host; see `realmMayHaveCredentials`. */
  readonly isLoggedIn: (host: string) => Promise<boolean>;
}

/**
 * Tries a login at a registry (`GET /v2/`, distribution specification, "Determining Support") in the way that the registry asks for:
 * basic authentication, or a token of its token service. It is sent over https or within this machine only, and to nobody else than
 * the registry and a token service that belongs to it.
 * @throws EngineshedError `UNAUTHORIZED` where it is refused, `CREDENTIALS_FAILED` where it may not be sent, `RESPONSE_INVALID`
 * where this is no registry, and as requests do
 */
export async function checkLogin(options: LoginOptions, attempt: LoginAttempt): Promise<LoginResult> {
  const { registry, address } = options;
  if (!address.isPrivate) throw notPrivate(registry);
  const check = new Check(options, attempt);
  const first = await check.ask(undefined);
  const password = { kind: 'password', ...attempt } as const;
  if (first.status === 200) {
    // Some registries ask for a login where it matters only, but do not take a wrong one.
    first.discard();
    (await check.asking(basicAuthorization(attempt))).discard();
    return { login: password, outcome: 'unasked' };
  }
  if (first.status !== 401)
    throw await check.refusal(first, 'This does not seem to be the name of a registry.');
  const challenges = parseChallenges(first.headerLines('www-authenticate'));
  const challenge = chooseChallenge(challenges);
  if (challenge === undefined) throw await check.refusal(first, unknownSchemes(challenges));
  first.discard();
  if (challenge.scheme === 'basic') {
    (await check.asking(basicAuthorization(attempt))).discard();
    return { login: password, outcome: 'verified' };
  }
  const token = await check.token(challenge);
  (await check.asking(`Bearer ${token.value}`)).discard();
  const { username } = attempt;
  const { identityToken } = token;
  return {
    login: identityToken === undefined ? password : { kind: 'identityToken', username, token: identityToken },
    outcome: 'verified',
  };
}

class Check {
  readonly #options: LoginOptions;
  readonly #attempt: LoginAttempt;
  readonly #secrets = new Secrets();

  constructor(options: LoginOptions, attempt: LoginAttempt) {
    this.#options = options;
    this.#attempt = attempt;
    this.#secrets.add(attempt.password);
    this.#secrets.add(basicAuthorization(attempt).slice('Basic '.length));
  }

  /** The registry's own answer to `GET /v2/`; that of another origin says nothing about it. */
  async ask(authorization: string | undefined): Promise<HttpResponse> {
    const { address, pace, registry } = this.#options;
    const target = '/v2/';
    const headers = authorization === undefined ? {} : { authorization };
    const response = await pace.persist(address.locate(target), () =>
      address.send({ method: 'GET', target, headers }),
    );
    if (isWebPage(response) && response.status === 200) throw webPageError(response, 'a registry');
    if (response.url.origin === address.base.origin) return response;
    response.discard();
    throw new EngineshedError('RESPONSE_INVALID', `${registry} leads to ${response.url.host}`, {
      hint: `Log in to ${response.url.host}, if that is the registry you mean.`,
      details: { url: publicUrl(response.url), status: response.status },
    });
  }

  /** As {@link ask}, where the answer must be that the login is good. */
  async asking(authorization: string): Promise<HttpResponse> {
    const response = await this.ask(authorization);
    if (response.status === 200) return response;
    throw await this.refusal(response, this.#hint());
  }

  async token(challenge: Challenge) {
    const { registry, address, isLoggedIn } = this.#options;
    const realm = realmOf(challenge);
    if (realm === undefined) {
      throw new EngineshedError('RESPONSE_INVALID', `${registry} named no usable token service`, {
        hint: 'Its WWW-Authenticate header must have a realm that is an http(s) address.',
      });
    }
    if (!(await realmMayHaveCredentials(registry, address.isPrivate, realm, isLoggedIn))) {
      throw withheld(registry, realm);
    }
    // As Docker does, without the scopes of the challenge: some registries name one there that nobody has.
    return requestToken(
      { ...this.#options, secrets: this.#secrets },
      {
        realm,
        service: challenge.parameters.get('service'),
        scopes: [],
        credential: { kind: 'password', ...this.#attempt, origin: 'this login' },
        purpose: 'login',
        hint: this.#hint(),
      },
    );
  }

  async refusal(response: HttpResponse, hint: string): Promise<EngineshedError> {
    return statusError(response, {
      what: `a login at ${this.#options.registry}`,
      redact: (text) => this.#secrets.redact(text),
      hint,
    });
  }

  #hint(): string {
    return `The registry does not take this password for user "${this.#attempt.username}". Many want an access token in its place.`;
  }
}

function notPrivate(registry: string): EngineshedError {
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `No login is sent to ${registry}: it is spoken to over plain http`,
    {
      hint: 'Over plain http everybody on the way could read the password. Use https, or a registry on this machine.',
    },
  );
}

function withheld(registry: string, realm: URL): EngineshedError {
  return new EngineshedError(
    'CREDENTIALS_FAILED',
    `The login was not shown to the token service ${realm.host}, which does not seem to belong to ${registry}`,
    {
      hint: `If you trust it, put an entry for ${realm.host} into your credential file as well.`,
      details: { url: publicUrl(realm) },
    },
  );
}
