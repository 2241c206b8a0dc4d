import { requestToken, type TokenRequest, type TokenRequestOptions } from './token-request.js';

/** How long before its end a token is not used any more, in milliseconds. */
const marginMs = 10_000;

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
  readonly #options: TokenRequestOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: TokenRequestOptions) {
    this.#options = options;
  }

  /**
   * A token.
   * @param refused a token that the registry did not take; it is not given again
   * @throws EngineshedError `UNAUTHORIZED`, `RESPONSE_INVALID`, and as requests do
   */
  async get(request: TokenRequest, refused?: string | undefined): Promise<string> {
    const { realm, service, scopes, credential } = request;
    // Two logins for one registry may ask for the same scope, and never share a token.
    const login = credential && [
      credential.kind,
      credential.origin,
      credential.username,
      secretOf(credential),
    ];
    const key = JSON.stringify([realm.href, service, scopes, login]);
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
    const asked = performance.now();
    const { value, lifetime } = await requestToken(this.#options, request);
    return { value, until: asked + lifetime * 1000 - Math.min(marginMs, (lifetime * 1000) / 4) };
  }
}

/** Whoever comes while a token is on its way gets that one. */
function isUsable({ token }: Entry, refused: string | undefined): boolean {
  return token === undefined || (token.until > performance.now() && token.value !== refused);
}

function secretOf(credential: NonNullable<TokenRequest['credential']>): string {
  return credential.kind === 'password' ? credential.password : credential.token;
}
