import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
} from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How to start a token service. */
export interface TokenServiceOptions {
  /** Passwords by user. */
  readonly users?: Readonly<Record<string, string>>;
  /** Users by refresh token; a user with a password is given one where it is asked for (`offline_token`). */
  readonly refreshTokens?: Readonly<Record<string, string>>;
  /**
   * What somebody may do: `pull`, `push` or `delete`; an undefined user is an anonymous caller. Where it is not given, users may
   * do everything and others may pull.
   */
  readonly allows?: (user: string | undefined, repository: string, action: string) => boolean;
  /** How long tokens are good, in seconds; 300 where it is not given. */
  readonly lifetime?: number;
  /** The name of the service in challenges, and the audience of the tokens. */
  readonly service?: string;
  /** Who issues the tokens. */
  readonly issuer?: string;
  /**
   * PEM texts, for a real registry that is to take the tokens: the key signs them, the registry trusts the certificate. The
   * key is on P-256. A key of its own is made where none is given.
   */
  readonly certificate?: { readonly key: string; readonly cert: string };
}

/** What a token service was asked. */
export interface TokenRequest {
  readonly method: string;
  readonly scopes: readonly string[];
  /** Who asked; undefined for an anonymous caller, and for a wrong password. */
  readonly user: string | undefined;
  readonly authorization: string | undefined;
}

/** A token service as distribution's token authentication specification describes it. */
export interface TokenService {
  /** Its address, as in challenges. */
  readonly realm: string;
  readonly service: string;
  /** Every request, in the order of arrival. */
  readonly requests: TokenRequest[];
  /** What a token allows, as `repository:action`; undefined for one that is not from here or has expired. */
  readonly grants: (token: string) => readonly string[] | undefined;
  /** Makes every token that was issued worthless. */
  readonly revokeAll: () => void;
  readonly close: () => Promise<void>;
}

/** Starts a token service on a free port of the loopback interface. Its tokens are JWTs, signed with ES256. */
export async function startTokenService(options: TokenServiceOptions = {}): Promise<TokenService> {
  const { users = {}, refreshTokens = {}, lifetime = 300 } = options;
  const { service = 'scripted registry', issuer = 'scripted registry' } = options;
  const allows = options.allows ?? ((user, _repository, action) => user !== undefined || action === 'pull');
  const key = options.certificate?.key ?? newKey();
  const requests: TokenRequest[] = [];
  const issued = new Map<string, { grants: readonly string[]; expires: number }>();

  const server = http.createServer(async (incoming, response) => {
    const method = incoming.method ?? '';
    const query = await parametersOf(incoming);
    const { authorization } = incoming.headers;
    const user =
      method === 'POST' ? refreshTokens[query.get('refresh_token') ?? ''] : login(users, authorization);
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
    requests.push({ method, scopes, user, authorization });
    if (user === undefined && (method === 'POST' || authorization !== undefined)) {
      response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}');
      return;
    }
    const access = accessOf(scopes, (repository, action) => allows(user, repository, action));
    const issuedAt = Math.floor(Date.now() / 1000);
    const token = signed(key, {
      iss: issuer,
      sub: user ?? '',
      aud: service,
      iat: issuedAt,
      nbf: issuedAt - 5,
      exp: issuedAt + lifetime,
      jti: randomUUID(),
      access,
    });
    issued.set(token, {
      grants: access.flatMap(({ name, actions }) => actions.map((action) => `${name}:${action}`)),
      expires: Date.now() + lifetime * 1000,
    });
    const isOffline = method === 'GET' && query.get('offline_token') === 'true';
    const names = method === 'POST' ? { access_token: token } : { token };
    const refresh = isOffline ? { refresh_token: refreshTokenOf(refreshTokens, user) } : {};
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...names, ...refresh, expires_in: lifetime }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service,
    requests,
    grants: (token) => {
      const found = issued.get(token);
      return found === undefined || found.expires < Date.now() ? undefined : found.grants;
    },
    revokeAll: () => issued.clear(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The form of a POST, the query of all else. */
async function parametersOf(incoming: http.IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  if (incoming.method === 'POST') return new URLSearchParams(Buffer.concat(chunks).toString());
  return new URL(`http://x${incoming.url}`).searchParams;
}

function refreshTokenOf(
  refreshTokens: Readonly<Record<string, string>>,
  user: string | undefined,
): string | undefined {
  return Object.entries(refreshTokens).find(([, owner]) => owner === user)?.[0];
}

function login(users: Readonly<Record<string, string>>, authorization = ''): string | undefined {
  const text = Buffer.from(authorization.replace(/^Basic /i, ''), 'base64').toString();
  const colon = text.indexOf(':');
  const user = text.slice(0, Math.max(0, colon));
  return colon > 0 && Object.hasOwn(users, user) && users[user] === text.slice(colon + 1) ? user : undefined;
}

/** What of the scopes is granted (distribution, "Token Scope Documentation"). */
function accessOf(scopes: readonly string[], allows: (repository: string, action: string) => boolean) {
  return scopes.flatMap((scope) => {
    const [, type = '', name = '', wanted = ''] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
    const actions = wanted.split(',').filter((action) => action !== '' && allows(name, action));
    return actions.length === 0 ? [] : [{ type, name, actions }];
  });
}

function signed(key: string, claims: object): string {
  const header = { typ: 'JWT', alg: 'ES256', kid: keyId(key) };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), {
    key: createPrivateKey(key),
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A key's name in libtrust's way: the first 240 bits of its sha256 in base32, in groups of four. */
function keyId(key: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const bits = [...createHash('sha256').update(spki).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)],
  );
  return (letters.join('').match(/.{4}/g) ?? []).join(':');
}
