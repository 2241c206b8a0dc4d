import type { Credential, CredentialSource } from '../credentials/index.js';
import { EngineshedError } from '../errors/index.js';
import type { RegistryAddress } from './address.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { chooseChallenge, realmOf, unknownSchemes } from './challenge-choice.js';
import { realmMayHaveCredentials } from './realm.js';
import type { HttpResponse } from './response.js';
import type { Pace } from './retry.js';
import { type Access, mergeScopes, repositoryScope } from './scope.js';
import type { Secrets } from './secrets.js';
import { statusError } from './status-error.js';
import { TokenSource } from './token.js';
import { basicAuthorization } from './token-request.js';
import type { Transport } from './transport.js';

/** What a request is for; decides which login and which token it needs. */
export interface Permission {
  readonly repository: string;
  readonly access: Access;
  /** Another repository of the registry that is to be read for the same request, as for a mount. */
  readonly readFrom?: string | undefined;
}

/** What authentication at one registry works with. */
export interface AuthenticatorOptions {
  /** The registry's name, as in references. */
  readonly registry: string;
  readonly address: RegistryAddress;
  readonly credentials: CredentialSource;
  readonly transport: Transport;
  readonly pace: Pace;
  readonly secrets: Secrets;
}

/** Authentication at one registry: learns from its challenges, so that later requests are authenticated at once. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens: TokenSource;
  /** How the registry wants it, once it said so, by scope: the challenge may name scopes of its own. */
  readonly #challenges = new Map<string, Challenge>();
  /** The same without scopes, for what it was not yet asked about. */
  #general: Challenge | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#tokens = new TokenSource(options);
  }

  /** The `Authorization` for a request, as far as the registry is known to want one. */
  async authorization(permission: Permission): Promise<string | undefined> {
    const challenge = this.#challenges.get(keyOf(permission)) ?? this.#general;
    return challenge === undefined ? undefined : this.#answer(challenge, permission, undefined);
  }

  /**
   * The `Authorization` to send after the registry answered 401.
   * @param refused what was sent before, if something was
   * @throws EngineshedError `UNAUTHORIZED` where there is nothing else to send, `CREDENTIALS_FAILED`, and as token
   * requests do
   */
  async renew(response: HttpResponse, permission: Permission, refused: string | undefined): Promise<string> {
    const challenges = parseChallenges(response.headerLines('www-authenticate'));
    const challenge = chooseChallenge(challenges);
    if (challenge === undefined) {
      throw await this.#refusal(response, permission, unknownSchemes(challenges));
    }
    this.#challenges.set(keyOf(permission), challenge);
    this.#general = withoutScope(challenge);
    const authorization = await this.#answer(challenge, permission, refused);
    if (authorization === undefined || authorization === refused)
      throw await this.refused(response, permission);
    return authorization;
  }

  /** The error of a request that was refused (401 or 403) with what {@link renew} gave. */
  async refused(response: HttpResponse, permission: Permission): Promise<EngineshedError> {
    const credential = await this.#credential(permission);
    const challenge = this.#challenges.get(keyOf(permission)) ?? this.#general;
    const realm = challenge?.scheme === 'bearer' ? realmOf(challenge) : undefined;
    const withheld = realm !== undefined && (await this.#shownTo(realm, credential)) === undefined;
    const withheldFrom = withheld && credential?.kind !== 'registryToken' ? realm : undefined;
    return this.#refusal(response, permission, this.#hint(credential, withheldFrom));
  }

  async #refusal(response: HttpResponse, permission: Permission, hint: string): Promise<EngineshedError> {
    const { registry, secrets } = this.#options;
    return statusError(response, {
      what: `${accessNames[permission.access]} ${registry}/${permission.repository}`,
      redact: (text) => secrets.redact(text),
      hint,
    });
  }

  async #answer(
    challenge: Challenge,
    permission: Permission,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const credential = await this.#credential(permission);
    const { address, registry } = this.#options;
    if (challenge.scheme === 'basic') {
      if (credential?.kind !== 'password' || !address.isPrivate) return undefined;
      return basicAuthorization(credential);
    }
    if (credential?.kind === 'registryToken' && address.isPrivate) return `Bearer ${credential.token}`;
    const realm = realmOf(challenge);
    if (realm === undefined) {
      throw new EngineshedError('RESPONSE_INVALID', `${registry} named no usable token service`, {
        hint: 'Its WWW-Authenticate header must have a realm that is an http(s) address.',
      });
    }
    const shown = await this.#shownTo(realm, credential);
    const token = await this.#tokens.get(
      {
        realm,
        service: challenge.parameters.get('service'),
        scopes: mergeScopes(scopesOf(permission), challenge),
        credential: shown,
        purpose: 'access',
        hint: this.#hint(credential, shown === undefined ? realm : undefined),
      },
      refused?.replace(/^Bearer /, ''),
    );
    return `Bearer ${token}`;
  }

  /** The credential, where the token service may have it. */
  async #shownTo(realm: URL, credential: Credential | undefined) {
    const { address, registry, credentials } = this.#options;
    if (credential === undefined || credential.kind === 'registryToken') return undefined;
    const isLoggedIn = async (host: string) => (await credentials.find(host)) !== undefined;
    const may = await realmMayHaveCredentials(registry, address.isPrivate, realm, isLoggedIn);
    return may ? credential : undefined;
  }

  async #credential({ repository }: Permission): Promise<Credential | undefined> {
    const { credentials, registry, secrets } = this.#options;
    const credential = await credentials.find(registry, repository);
    if (credential?.kind === 'password') {
      secrets.add(credential.password);
      secrets.add(basicAuthorization(credential).slice('Basic '.length));
    } else if (credential !== undefined) {
      secrets.add(credential.token);
    }
    return credential;
  }

  /** What a user can do; `withheldFrom` is a token service that was asked without the login. */
  #hint(credential: Credential | undefined, withheldFrom: URL | undefined): string {
    const { registry, credentials, address } = this.#options;
    if (credential === undefined) {
      const places = credentials.places.length === 0 ? '' : ` in ${credentials.places.join(', ')}`;
      const fault = credentials.fault?.(registry);
      if (fault !== undefined) return `${fault.message}. ${fault.hint ?? ''}`;
      return `No credentials for ${registry} were found${places}. Log in with "engineshed login ${registry}".`;
    }
    const user = credential.username === '' ? 'The login' : `The login of user "${credential.username}"`;
    const found = `${user} for ${registry} was found in ${credential.origin}`;
    if (!address.isPrivate) return `${found}; it is not sent over plain http.`;
    if (withheldFrom !== undefined) {
      return `${found}, but was not shown to the token service ${withheldFrom.host}, which does not seem to belong to ${registry}. If you trust it, put an entry for ${withheldFrom.host} into a credential file as well.`;
    }
    return `${found}. If it is no longer valid, log in again; else ask for access to the repository.`;
  }
}

const accessNames: Record<Access, string> = {
  pull: 'access to',
  push: 'access for pushing to',
  delete: 'access for deleting from',
};

function scopesOf({ repository, access, readFrom }: Permission): string[] {
  const ours = repositoryScope(repository, access);
  return readFrom === undefined ? [ours] : [ours, repositoryScope(readFrom, 'pull')];
}

function keyOf(permission: Permission): string {
  return scopesOf(permission).join(' ');
}

function withoutScope({ scheme, parameters }: Challenge): Challenge {
  return { scheme, parameters: new Map([...parameters].filter(([name]) => name !== 'scope')) };
}
