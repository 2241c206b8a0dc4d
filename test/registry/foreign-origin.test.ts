import { describe, expect, it, onTestFinished } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { anonymousToken, expectNoSecrets, foreignOrigin } from '../support/recording.js';
import {
  client,
  descriptorOf,
  logins,
  manifestBytes,
  opens,
  read,
  tagsOf,
} from '../support/registry-client.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';
import { challenging } from './authenticating.js';

const password = 'correct-horse-battery';
const identityToken = 'identity-token-of-ada';
const registryToken = 'registry-token-of-ada';
const issued = 'issued-token';
const secrets = [password, `ada:${password}`, identityToken, registryToken, issued];
const basic = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;

/** The logins that there are, and how the registry wants each: by itself, or at its own token service. */
const kinds: readonly [string, Credential, 'basic' | 'bearer'][] = [
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

const blob = Buffer.from('the content of a blob');
const descriptor = descriptorOf(blob);
const blobPath = `/v2/acme/engine/blobs/${descriptor.digest}`;

describe.each(kinds)('with %s', (_kind, credential, scheme) => {
  const start = () => place(credential, scheme);

  it('reaches its registry (else these tests would prove nothing)', async () => {
    const { home, repository } = await start();
    await repository.resolve('one');
    await repository.push(descriptor, opens(blob));
    const proper = home.requests.filter(({ headers }) => isAuthenticated(headers.authorization));
    expect(proper.length).toBeGreaterThan(2);
  });

  it('C03 a download that leads elsewhere, and back', async () => {
    const { home, elsewhere, repository } = await start();
    home.contents.addBlob(blob);
    lead(home, blobPath, `${elsewhere.registry.url}/away?signature=x`);
    lead(elsewhere.registry, '/away', `${home.url}/back`);
    home.script(({ path }, response) => {
      if (path !== '/back') return undefined;
      response.writeHead(200, { 'content-length': blob.byteLength }).end(blob);
      return 'handled';
    });
    await repository.resolve('one');
    expect(await read(repository, descriptor)).toEqual(blob);
    expect(elsewhere.registry.log).toContain('GET /away');
    await expectNoSecrets(elsewhere, secrets);
    const back = home.requests.filter(({ path }) => path === '/back');
    expect(back.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it.each([
    ['basic', () => 'Basic realm="x"'],
    ['a token service of its own', (url: string) => `Bearer realm="${url}/token",service="s"`],
    ['that of the registry', (_url: string, home: string) => `Bearer realm="${home}/token",service="s"`],
  ])('C03 a download from elsewhere that asks for %s', async (_what, challenge) => {
    const { home, elsewhere, repository } = await start();
    lead(home, blobPath, `${elsewhere.registry.url}/away`);
    challenging(elsewhere.registry, challenge(elsewhere.registry.url, home.url), () => false);
    await repository.resolve('one');
    await expect(read(repository, descriptor)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(elsewhere.registry.log).toEqual(['GET /away']);
    await expectNoSecrets(elsewhere, secrets);
  });

  it('C03 a manifest that stands elsewhere', async () => {
    const { home, elsewhere, repository } = await start();
    const away = elsewhere.registry.contents;
    away.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'two');
    await repository.resolve('one');
    home.script(({ path, headers }, response) => {
      if (!path.includes('/manifests/') || !isAuthenticated(headers.authorization)) return undefined;
      response.writeHead(302, { location: `${elsewhere.registry.url}${path}` }).end();
      return 'handled';
    });
    const { digest } = await repository.resolve('two');
    await read(repository, descriptorOf(manifestBytes, mediaTypes.imageManifest));
    expect(digest).toBe(descriptorOf(manifestBytes).digest);
    expect(elsewhere.registry.requests.length).toBe(2);
    await expectNoSecrets(elsewhere, secrets);
  });

  it('C04 an upload whose session is elsewhere', async () => {
    const { home, elsewhere, repository } = await start();
    sessionsAt(home, `${elsewhere.registry.url}/session?signature=x`);
    elsewhere.registry.script(async ({ body }, response) => {
      home.contents.addBlob(await body());
      response.writeHead(201).end();
      return 'handled' as const;
    });
    await repository.push(descriptor, opens(blob));
    expect(elsewhere.registry.log).toEqual(['PUT /session']);
    await expectNoSecrets(elsewhere, secrets);
  });

  it('C04 an upload session elsewhere that asks for a login, or is lost', async () => {
    for (const status of [401, 403, 404, 503]) {
      const { home, elsewhere, repository } = await start();
      sessionsAt(home, `${elsewhere.registry.url}/session`);
      elsewhere.registry.script(async ({ body }, response) => {
        await body();
        response.setHeader('www-authenticate', `Bearer realm="${home.url}/token",service="s"`);
        refuse(response, status, 'UNKNOWN', 'no');
        return 'handled' as const;
      });
      await expect(repository.push(descriptor, opens(blob))).rejects.toBeDefined();
      expect(elsewhere.registry.requests.length).toBeGreaterThan(0);
      await expectNoSecrets(elsewhere, secrets);
    }
  });

  it('C04 an upload session elsewhere does not send us to addresses of the registry', async () => {
    const { home, elsewhere, repository } = await start();
    const large = Buffer.alloc(3 * 1024 * 1024, 'x');
    sessionsAt(home, `${elsewhere.registry.url}/session`);
    // It takes a piece, breaks off, and names an address of the registry to go on at.
    elsewhere.registry.script(({ method, cutAfter, received }, response) => {
      const range = { location: `${home.url}/v2/acme/engine/manifests/planted`, range: '0-1048575' };
      if (method === 'GET') {
        response.writeHead(204, range).end();
        return 'handled';
      }
      cutAfter(1024 * 1024);
      return received().then(() => 'handled' as const);
    });
    await expect(repository.push(descriptorOf(large), opens(large))).rejects.toBeDefined();
    expect(elsewhere.registry.requests.length).toBeGreaterThan(0);
    await expectNoSecrets(elsewhere, secrets);
    expect(home.requests.filter(({ path }) => path.endsWith('/planted'))).toEqual([]);
  });

  it('C04 a next page elsewhere is not asked for', async () => {
    const { home, elsewhere, repository } = await start();
    home.script(({ kind, headers }, response) => {
      if (kind !== 'tags' || !isAuthenticated(headers.authorization)) return undefined;
      response.setHeader('link', `<${elsewhere.registry.url}/v2/acme/engine/tags/list?last=a>; rel="next"`);
      response.writeHead(200).end('{"tags":["a"]}');
      return 'handled';
    });
    await expect(tagsOf(repository)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(elsewhere.registry.requests).toEqual([]);
  });

  it('C02 a token service elsewhere', async () => {
    const { home, elsewhere, repository } = await start();
    giveTokens(elsewhere.registry, anonymousToken);
    // The same machine by another name: a host that the user never logged in to.
    const realm = elsewhere.registry.url.replace('127.0.0.1', 'localhost');
    challenging(
      home,
      `Bearer realm="${realm}/token",service="s"`,
      (sent) => sent === `Bearer ${anonymousToken}`,
    );
    const works = repository.resolve('one');
    if (credential.kind === 'registryToken')
      await expect(works).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    else {
      await works;
      expect(elsewhere.registry.log).toEqual(['GET /token']);
    }
    await expectNoSecrets(elsewhere, secrets);
  });

  it('C02 a token service that leads elsewhere', async () => {
    const { home, elsewhere, repository } = await start();
    giveTokens(elsewhere.registry, issued);
    lead(home, '/token', `${elsewhere.registry.url}/token`);
    challenging(home, `Bearer realm="${home.url}/token",service="s"`, () => false);
    await expect(repository.resolve('one')).rejects.toBeDefined();
    await expectNoSecrets(elsewhere, secrets);
  });

  it.each(['ada:x@localhost', '127.0.0.1@localhost'])('C02 a token service at %s', async (host) => {
    const { home, elsewhere, repository } = await start();
    const realm = elsewhere.registry.url.replace('127.0.0.1', host);
    challenging(home, `Bearer realm="${realm}/token"`, () => false);
    await expect(repository.resolve('one')).rejects.toMatchObject({
      code: credential.kind === 'registryToken' ? 'UNAUTHORIZED' : 'RESPONSE_INVALID',
    });
    expect(elsewhere.registry.requests).toEqual([]);
  });

  // On Linux 0.0.0.0 leads to this machine, but is no loopback address: it stands for another host.
  it('C02 a registry over plain http on another host', async () => {
    for (const challenge of [
      () => 'Basic realm="x"',
      (url: string) => `Bearer realm="${url}/token"`,
      (url: string) => `Bearer realm="${url.replace('0.0.0.0', '127.0.0.1')}/token"`,
    ]) {
      const elsewhere = await foreignOrigin();
      const host = elsewhere.registry.host.replace('127.0.0.1', '0.0.0.0');
      giveTokens(elsewhere.registry, anonymousToken);
      challenging(elsewhere.registry, challenge(`http://${host}`), () => false);
      const repository = at(host, credential, { plainHttp: true });
      await expect(repository.resolve('one')).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        hint: expect.stringContaining('not sent over plain http'),
      });
      expect(elsewhere.registry.requests.length).toBeGreaterThan(0);
      await expectNoSecrets(elsewhere, secrets);
    }
  });

  it.each([
    ['on plain http', '0.0.0.0'],
    ['on this machine, although the registry is not', '127.0.0.1'],
  ])('C02 a token service %s', async (_what, tokenHost) => {
    const authority = new Authority(temporaryDirectory());
    const home = await ScriptedRegistry.start({ tls: authority.issue('IP:0.0.0.0') });
    onTestFinished(() => home.close());
    const elsewhere = await foreignOrigin();
    giveTokens(elsewhere.registry, anonymousToken);
    const realm = elsewhere.registry.url.replace('127.0.0.1', tokenHost);
    challenging(home, `Bearer realm="${realm}/token"`, () => false);
    const host = home.host.replace('127.0.0.1', '0.0.0.0');
    const repository = at(host, credential, {
      ca: authority.certificate.cert,
      alsoLoggedIn: elsewhere.registry.host,
    });
    await expect(repository.resolve('one')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(home.requests.length).toBeGreaterThan(0);
    await expectNoSecrets(elsewhere, secrets);
  });
});

describe('a login', () => {
  const attempt = { username: 'ada', password };

  it('C02 is shown to no token service elsewhere', async () => {
    const { home, elsewhere } = await place(kinds[0]?.[1] as Credential, 'basic');
    const realm = elsewhere.registry.url.replace('127.0.0.1', 'localhost');
    challenging(home, `Bearer realm="${realm}/token"`, () => false);
    await expect(client().checkLogin(home.host, attempt)).rejects.toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringContaining('localhost:'),
    });
    expect(elsewhere.registry.requests).toEqual([]);
    expect(home.log).toEqual(['GET /v2/']);
  });

  it('C02 does not follow its token service elsewhere', async () => {
    const { home, elsewhere } = await place(kinds[1]?.[1] as Credential, 'bearer');
    giveTokens(elsewhere.registry, 'their-token');
    lead(home, '/token', `${elsewhere.registry.url}/token`);
    await expect(client().checkLogin(home.host, attempt)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(elsewhere.registry.log).toEqual(['GET /token']);
    await expectNoSecrets(elsewhere, secrets);
  });

  it.each(['basic', 'bearer'] as const)('C03 does not follow its registry elsewhere: %s', async (scheme) => {
    for (const when of ['at first', 'with the login'] as const) {
      const { home, elsewhere } = await place(kinds[0]?.[1] as Credential, scheme);
      home.script(({ kind, headers }, response) => {
        if (kind !== 'ping' || (when === 'with the login' && headers.authorization === undefined))
          return undefined;
        response.writeHead(307, { location: `${elsewhere.registry.url}/v2/` }).end();
        return 'handled';
      });
      challenging(elsewhere.registry, 'Basic realm="x"', () => false);
      await expect(client().checkLogin(home.host, attempt)).rejects.toMatchObject({
        code: 'RESPONSE_INVALID',
      });
      expect(elsewhere.registry.log).toEqual(['GET /v2/']);
      await expectNoSecrets(elsewhere, secrets);
    }
  });

  it('C02 is not even tried over plain http on another host', async () => {
    const elsewhere = await foreignOrigin();
    const host = elsewhere.registry.host.replace('127.0.0.1', '0.0.0.0');
    challenging(elsewhere.registry, 'Basic realm="x"', () => false);
    await expect(client({ plainHttp: () => true }).checkLogin(host, attempt)).rejects.toMatchObject({
      code: 'CREDENTIALS_FAILED',
      message: expect.stringContaining('plain http'),
    });
    expect(elsewhere.registry.requests).toEqual([]);
  });

  it('C01 is tried once, and its refusal is told', async () => {
    for (const scheme of ['basic', 'bearer'] as const) {
      const { home } = await place(kinds[0]?.[1] as Credential, scheme);
      const wrong = { username: 'ada', password: 'not-the-password' };
      await expect(client().checkLogin(home.host, wrong)).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        hint: expect.stringContaining('"ada"'),
      });
      expect(home.log).toEqual(['GET /v2/', scheme === 'basic' ? 'GET /v2/' : 'GET /token']);
    }
  });

  it('C16 its secrets do not get into an error', async () => {
    for (const scheme of ['basic', 'bearer'] as const) {
      const { home } = await place(kinds[0]?.[1] as Credential, scheme);
      home.script(({ headers }, response) => {
        if (headers.authorization === undefined) return undefined;
        refuse(response, 401, 'BAD', `\x1b[31m ${headers.authorization} is ${password}`);
        return 'handled';
      });
      const error = await client()
        .checkLogin(home.host, attempt)
        .catch((thrown) => thrown);
      const shown = `${error.message} ${error.hint} ${JSON.stringify(error.details)} ${error.cause}`;
      expect(shown).toContain('BAD: \\x1b[31m');
      for (const secret of [password, basic.slice('Basic '.length)]) expect(shown).not.toContain(secret);
    }
  });

  it('is kept as an identity token where the token service gives one', async () => {
    const { home } = await place(kinds[1]?.[1] as Credential, 'bearer');
    giveTokens(home, issued, { refresh_token: identityToken });
    expect(await client().checkLogin(home.host, attempt)).toEqual({
      login: { kind: 'identityToken', username: 'ada', token: identityToken },
      outcome: 'verified',
    });
    const asked = home.requests.find(({ path }) => path === '/token');
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({
      service: 's',
      offline_token: 'true',
      client_id: 'engineshed',
      account: 'ada',
    });
  });

  it('is sent once where a registry answers without one, and refused where that refuses it', async () => {
    const home = await ScriptedRegistry.start();
    onTestFinished(() => home.close());
    expect(await client().checkLogin(home.host, attempt)).toMatchObject({ outcome: 'unasked' });
    home.script(({ headers }, response) => {
      if (headers.authorization === undefined) return undefined;
      refuse(response, 401, 'UNAUTHORIZED', 'wrong');
      return 'handled';
    });
    await expect(client().checkLogin(home.host, attempt)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it.each([
    ['a web page', 200, 'text/html'],
    ['no such address', 404, 'text/plain'],
  ])('says that something else than a registry answers: %s', async (_what, status, type) => {
    const home = await ScriptedRegistry.start();
    onTestFinished(() => home.close());
    home.script((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end('hello');
      return 'handled';
    });
    await expect(client().checkLogin(home.host, attempt)).rejects.toMatchObject({
      hint: expect.stringMatching(/name of a registry|not that of a registry/),
    });
    expect(home.requests).toHaveLength(1);
  });
});

/** A registry that wants a login, and another origin. */
async function place(credential: Credential, scheme: 'basic' | 'bearer') {
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

function at(
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

function isAuthenticated(authorization: string | undefined): boolean {
  return [basic, `Bearer ${issued}`, `Bearer ${registryToken}`].includes(authorization ?? '');
}

/** A token service that knows ada, by her password and her identity token, and gives others none. */
function giveTokens(registry: ScriptedRegistry, token: string, more: object = {}): void {
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
function lead(registry: ScriptedRegistry, path: string, location: string): void {
  registry.script((request, response) => {
    if (request.path !== path) return undefined;
    if (path.startsWith('/v2/') && !isAuthenticated(request.headers.authorization)) return undefined;
    response.writeHead(307, { location }).end();
    return 'handled';
  });
}

/** Begins every upload session at an address. */
function sessionsAt(registry: ScriptedRegistry, location: string): void {
  registry.script(({ method, headers }, response) => {
    if (method !== 'POST' || !isAuthenticated(headers.authorization)) return undefined;
    response.writeHead(202, { location }).end();
    return 'handled';
  });
}
