import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How to start a token service. */
export interface TokenServiceOptions {
  /** PEM texts. The key signs the tokens, the registry trusts the certificate. */
  readonly certificate: { readonly key: string; readonly cert: string };
  readonly service: string;
  readonly issuer: string;
  /** Users and passwords. */
  readonly users: Readonly<Record<string, string>>;
  /** Refresh tokens, each with its user. */
  readonly refreshTokens?: Readonly<Record<string, string>>;
  /** What somebody may do; undefined is an anonymous caller. */
  readonly allows: (user: string | undefined, repository: string, action: string) => boolean;
  /** How long tokens are good, in seconds. */
  readonly lifetime?: number;
}

/** A token service as distribution's token authentication specification describes it, with tokens that it can verify. */
export interface TokenService {
  readonly realm: string;
  /** What was asked: method, query or form, and who asked. */
  readonly requests: {
    method: string;
    scopes: string[];
    user: string | undefined;
    authorization: string | undefined;
  }[];
  close(): Promise<void>;
}

/** Starts one on loopback. */
export async function startTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const requests: TokenService['requests'] = [];
  const server = http.createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const isPost = incoming.method === 'POST';
    const query = isPost
      ? new URLSearchParams(Buffer.concat(chunks).toString())
      : new URL(`http://x${incoming.url}`).searchParams;
    const { authorization } = incoming.headers;
    const user = isPost
      ? options.refreshTokens?.[query.get('refresh_token') ?? '']
      : login(options, authorization);
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
    requests.push({ method: incoming.method ?? '', scopes, user, authorization });
    if (user === undefined && (isPost || authorization !== undefined)) {
      response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}');
      return;
    }
    const lifetime = options.lifetime ?? 300;
    const token = issue(options, user, scopes, lifetime);
    const answer = isPost ? { access_token: token, expires_in: lifetime } : { token, expires_in: lifetime };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function login({ users }: TokenServiceOptions, authorization: string | undefined): string | undefined {
  const text = Buffer.from(authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
  const [user = '', password] = text.split(':');
  return password !== undefined && users[user] === password ? user : undefined;
}

/** A JWT, signed with ES256, whose key is named in libtrust's way. */
function issue(
  { certificate, service, issuer, allows }: TokenServiceOptions,
  user: string | undefined,
  scopes: readonly string[],
  lifetime: number,
): string {
  const access = scopes.flatMap((scope) => {
    const [type = '', name = '', actions = ''] = scope.split(':');
    const allowed = actions.split(',').filter((action) => allows(user, name, action));
    return allowed.length === 0 ? [] : [{ type, name, actions: allowed }];
  });
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', kid: keyId(certificate) };
  const claims = {
    iss: issuer,
    sub: user ?? '',
    aud: service,
    iat: now,
    nbf: now - 5,
    exp: now + lifetime,
    jti: `${now}`,
    access,
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), {
    key: createPrivateKey(certificate.key),
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

/** The first 240 bits of the key's sha256 in base32, in groups of four. */
function keyId({ cert }: TokenServiceOptions['certificate']): string {
  const spki = createPublicKey(cert).export({ type: 'spki', format: 'der' });
  const bits = [...createHash('sha256').update(spki).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)],
  );
  return (letters.join('').match(/.{4}/g) ?? []).join(':');
}
