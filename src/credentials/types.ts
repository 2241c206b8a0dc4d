import type { EngineshedError } from '../errors/index.js';

/** A login, and where it comes from, for messages. Never put the secret into one. */
export type Credential =
  | {
      readonly kind: 'password';
      readonly username: string;
      readonly password: string;
      readonly origin: string;
    }
  /** A refresh token, exchanged for an access token at the token service. */
  | {
      readonly kind: 'identityToken';
      readonly username: string;
      readonly token: string;
      readonly origin: string;
    }
  /** A bearer token, sent to the registry as it is. */
  | {
      readonly kind: 'registryToken';
      readonly username: string;
      readonly token: string;
      readonly origin: string;
    };

/** A login that can be stored: what a user types, or the identity token that a token service gave for it. */
export type StorableLogin =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identityToken'; readonly username: string; readonly token: string };

/** Knows logins. It is asked only when a registry wants authentication. */
export interface CredentialSource {
  /**
   * The login for a registry (`host[:port]`, Docker Hub is `docker.io`) and, where it matters, a repository in it.
   * @throws EngineshedError `CREDENTIALS_FAILED`
   */
  find(registry: string, repository?: string): Promise<Credential | undefined>;
  /** Where it looks, for messages. */
  readonly places: readonly string[];
  /** Why a place could not be asked for this registry, so far; told where the registry refuses in the end. */
  readonly fault?: ((registry: string) => EngineshedError | undefined) | undefined;
}

/** What a login is for: a registry (`host[:port]`), and the repositories below a path in it; all where that is empty. */
export interface LoginScope {
  readonly registry: string;
  readonly path: string;
}
