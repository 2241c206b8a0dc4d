import { describe, expect, it, onTestFinished } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { anonymousToken, expectNoSecrets, foreignOrigin } from '../support/recording.js';
import { descriptorOf, manifestBytes, opens, read, tagsOf } from '../support/registry-client.js';
import { Authority } from '../support/registry-tls.js';
import { temporaryDirectory } from '../support/temporary.js';
import { challenging } from './authenticating.js';
import { at, giveTokens, isAuthenticated, issued, kinds, lead, place, secrets } from './elsewhere.js';

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

/** Begins every upload session at an address. */
function sessionsAt(registry: ScriptedRegistry, location: string): void {
  registry.script(({ method, headers }, response) => {
    if (method !== 'POST' || !isAuthenticated(headers.authorization)) return undefined;
    response.writeHead(202, { location }).end();
    return 'handled';
  });
}
