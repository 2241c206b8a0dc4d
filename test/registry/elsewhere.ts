import { onTestFinished } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { anonymousToken, foreignOrigin } from '../support/recording.js';
import { client, logins, manifestBytes } from '../support/registry-client.js';
import { challenging, password } from './authenticating.js';

/** Ada's identity token. */
export const identityToken = 'identity-token-of-ada';
const registryToken = 'registry-token-of-ada';

/** The token that token services give for her login. */
export const issued = 'issued-token';

/** What nobody but her registry and its token service may see. */
export const secrets = [password, `ada:${password}`, identityToken, registryToken, issued];

/** The header of her password. */
export const basic = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;

/** The logins that there are, and how the registry wants each: by itself, or at its own token service. */
export const kinds: readonly [string, Credential, 'basic' | 'bearer'][] = [
  ['a password, basic', { kind: 'password', username: 'ada', password, origin: 'a test' }, 'basic'],
  ['a password, bearer', { kind: 'password', username: 'ada', password, origin: 'a test' }, 'bearer'],
  [
    'an identity token',
    { kind: 'identityToken', username: '', token: identityToken, origin: 'a test' },
    'bearer',
  ],
  [
    'a registry token',
    { kind: 'registryToken', username: '', token: registryToken, origin: 'a test' },
    'bearer',
  ],
];

/** A registry that wants a login, and another origin. */
export async function place(credential: Credential, scheme: 'basic' | 'bearer') {
  const elsewhere = await foreignOrigin();
  const home = await ScriptedRegistry.start();
  onTestFinished(() => home.close());
  home.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
  giveTokens(home, issued);
  const challenge = scheme === 'basic' ? 'Basic realm="x"' : `Bearer realm="${home.url}/token",service="s"`;
  const isEverybodys = (sent: string | undefined) => sent === `Bearer ${anonymousToken}`;
  challenging(home, challenge, (sent) => isAuthenticated(sent) || isEverybodys(sent));
  return { home, elsewhere, repository: at(home.host, credential) };
}

/** The repository of the tests in a registry, with a login for it. */
export function at(
  registry: string,
  credential: Credential,
  options: { plainHttp?: boolean; ca?: string; alsoLoggedIn?: string } = {},
) {
  const { plainHttp, ca, alsoLoggedIn } = options;
  const entries = {
    [registry]: credential,
    ...(alsoLoggedIn === undefined ? {} : { [alsoLoggedIn]: 'ada:other' }),
  };
  return client({ credentials: logins(entries), plainHttp: () => plainHttp, ca }).repository({
    transport: 'registry',
    registry,
    repository: 'acme/engine',
  });
}

/** Whether that is one of Ada's logins, or the token for it. */
export function isAuthenticated(authorization: string | undefined): boolean {
  return [basic, `Bearer ${issued}`, `Bearer ${registryToken}`].includes(authorization ?? '');
}

/** A token service that knows ada, by her password and her identity token, and gives others none. */
export function giveTokens(registry: ScriptedRegistry, token: string, more: object = {}): void {
  registry.script(async ({ path, headers, body }, response) => {
    if (path !== '/token') return undefined;
    const form = new URLSearchParams((await body()).toString());
    const isAda = headers.authorization === basic || form.get('refresh_token') === identityToken;
    if (!isAda && token === issued) refuse(response, 401, 'UNAUTHORIZED', 'who?');
    else response.writeHead(200).end(JSON.stringify({ token, ...more }));
    return 'handled';
  });
}

/** Redirects one address. */
export function lead(registry: ScriptedRegistry, path: string, location: string): void {
  registry.script((request, response) => {
    if (request.path !== path) return undefined;
    if (path.startsWith('/v2/') && !isAuthenticated(request.headers.authorization)) return undefined;
    response.writeHead(307, { location }).end();
    return 'handled';
  });
}
