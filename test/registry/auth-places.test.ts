import { describe, expect, it } from 'vitest';
import type { EngineshedError } from '../../src/errors/index.js';
import { realmMayHaveCredentials } from '../../src/registry/realm.js';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, opens, scripted, target } from '../support/registry-client.js';
import { authorizations, challenging, login, password, resolving, tokens } from './authenticating.js';
import { withManifest } from './manifests.js';

describe('where credentials go', () => {
  it('C02 a token service of another host gets none, and an anonymous token is taken', async () => {
    const registry = await withManifest();
    const stranger = await scripted();
    const issued = tokens(stranger);
    const realm = `${stranger.url.replace('127.0.0.1', 'localhost')}/token`;
    challenging(registry, `Bearer realm="${realm}"`, (sent) => sent === 'Bearer token-1');
    await resolving(registry);
    expect(issued.requests).toEqual([
      { service: null, scopes: ['repository:acme/engine:pull'], authorization: undefined },
    ]);
  });

  it('C02 says that the login was kept back, where the anonymous token does not do', async () => {
    const registry = await withManifest();
    const stranger = await scripted();
    tokens(stranger);
    const realm = `${stranger.url.replace('127.0.0.1', 'localhost')}/token`;
    challenging(registry, `Bearer realm="${realm}"`, () => false);
    await expect(resolving(registry)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining(`was not shown to the token service localhost:`),
    });
    expect(JSON.stringify(stranger.requests.map(({ headers }) => headers))).not.toContain('authorization');
  });

  it.each([
    ['the registry itself', 'ghcr.io', true, 'https://ghcr.io/token', true],
    ['Docker Hub', 'docker.io', true, 'https://auth.docker.io/token', true],
    ['GitLab', 'registry.gitlab.com', true, 'https://gitlab.com/jwt/auth', true],
    [
      "GitLab of one's own, on another port",
      'git.example.com:5050',
      true,
      'https://git.example.com/jwt/auth',
      true,
    ],
    ['a sibling', 'registry.digitalocean.com', true, 'https://api.digitalocean.com/v2/registry/auth', true],
    ['Quay', 'quay.io', true, 'https://quay.io/v2/auth', true],
    ['a stranger', 'ghcr.io', true, 'https://evil.example/token', false],
    ['a stranger that looks like it', 'ghcr.io', true, 'https://evilghcr.io/token', false],
    ['a stranger with it for a first label', 'ghcr.io', true, 'https://ghcr.io.evil.example/token', false],
    ['a stranger with it in the path', 'ghcr.io', true, 'https://evil.example/ghcr.io/token', false],
    ['a stranger with it behind a hash', 'ghcr.io', true, 'https://evil.example#ghcr.io', false],
    ['a stranger with it behind a backslash', 'ghcr.io', true, 'https://evil.example\\.ghcr.io/token', false],
    ['a stranger with it for a user', 'ghcr.io', true, 'https://ghcr.io@evil.example/token', false],
    ['it in look-alike letters', 'ghcr.io', true, 'https://ghcr\u03bf.io/token', false],
    ['a top-level domain alone', 'ghcr.io', true, 'https://io/token', false],
    ['this machine in another spelling', 'ghcr.io', true, 'https://0x7f000001/token', false],
    ['a name of this machine below it', 'ghcr.io', true, 'https://ghcr.io.localhost/token', false],
    ["a neighbour under a country's suffix", 'a.co.uk', true, 'https://b.co.uk/token', false],
    ['plain http', 'ghcr.io', true, 'http://ghcr.io/token', false],
    ['a registry over plain http', 'r.example.com', false, 'https://r.example.com/token', false],
    ['this machine, from elsewhere', 'ghcr.io', true, 'http://127.0.0.1/token', false],
    [
      'a local token service of a local registry',
      '127.0.0.1:5000',
      true,
      'http://127.0.0.1:5001/token',
      true,
    ],
    ['another address', '10.0.0.1', true, 'https://10.0.0.2/token', false],
    ['a single label', 'registry', true, 'https://auth/token', false],
  ])('C02 is decided for %s', async (_what, registry, isPrivate, realm, expected) => {
    expect(await realmMayHaveCredentials(registry, isPrivate, new URL(realm), async () => false)).toBe(
      expected,
    );
  });

  it('C02 a token service that the user logged in to counts as known', async () => {
    const asked: string[] = [];
    const isLoggedIn = async (host: string) => {
      asked.push(host);
      return true;
    };
    const decide = (isPrivate: boolean, realm: string) =>
      realmMayHaveCredentials('rg.fr-par.scw.cloud', isPrivate, new URL(realm), isLoggedIn);
    expect(await decide(true, 'https://api.scaleway.com/tokens')).toBe(true);
    expect(await decide(true, 'http://api.scaleway.com/tokens')).toBe(false);
    expect(await decide(false, 'https://api.scaleway.com/tokens')).toBe(false);
    expect(asked).toEqual(['api.scaleway.com']);
  });

  it('C03 a redirect to another origin drops Authorization for good', async () => {
    const [registry, elsewhere] = [await withManifest(), await scripted()];
    const blob = Buffer.from('blob');
    const { digest } = descriptorOf(blob);
    registry.contents.addBlob(blob);
    challenging(registry, 'Basic realm="x"', (sent) => sent !== undefined);
    const home = `${registry.url}/home`;
    registry.script(({ path }, response) => {
      if (path !== '/home') return undefined;
      response.writeHead(200, { 'content-length': blob.byteLength }).end(blob);
      return 'handled';
    });
    redirect(registry, `/v2/acme/engine/blobs/${digest}`, `/same-origin`);
    redirect(registry, '/same-origin', `${elsewhere.url}/away?signature=abc`);
    redirect(elsewhere, '/away', home);
    const repository = target(registry, { credentials: login(registry) });
    await repository.resolve('one');
    for await (const _ of await repository.fetch(descriptorOf(blob)));
    const sent = (of: ScriptedRegistry, path: string) =>
      of.requests
        .filter((request) => request.path === path)
        .map(({ headers }) => headers.authorization !== undefined);
    expect(sent(registry, '/same-origin')).toEqual([true]);
    expect(sent(elsewhere, '/away')).toEqual([false]);
    expect(sent(registry, '/home')).toEqual([false]);
  });

  it('C03 a challenge of the place that a redirect leads to is not answered', async () => {
    const [registry, elsewhere] = [await withManifest(), await scripted()];
    const descriptor = descriptorOf(Buffer.from('blob'));
    redirect(registry, `/v2/acme/engine/blobs/${descriptor.digest}`, `${elsewhere.url}/away`);
    challenging(elsewhere, 'Basic realm="x"', () => false);
    const repository = target(registry, { credentials: login(registry) });
    await expect(repository.fetch(descriptor)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(authorizations(elsewhere)).toEqual([undefined]);
  });

  it('C03 redirects without end are not followed', async () => {
    const registry = await withManifest();
    registry.script((_request, response) => {
      response.writeHead(302, { location: `/again` }).end();
      return 'handled';
    });
    await expect(resolving(registry)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(registry.requests.length).toBeLessThanOrEqual(11);
  });

  it.each(['ftp://x/', 'http://user:pass@127.0.0.1/', 'http://[', 'javascript:0'])(
    'C03 a redirect to %s is refused',
    async (location) => {
      const registry = await withManifest();
      redirect(registry, '/v2/acme/engine/manifests/one', location);
      await expect(resolving(registry)).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    },
  );

  it('C04 an upload location of another origin gets the content without credentials', async () => {
    const [registry, elsewhere] = [await withManifest(), await scripted()];
    const blob = Buffer.from('blob');
    challenging(registry, 'Basic realm="x"', (sent) => sent !== undefined);
    registry.script(({ method }, response) => {
      if (method !== 'POST') return undefined;
      response.writeHead(202, { location: `${elsewhere.url}/put?x-signature=a%2Fb` }).end();
      return 'handled';
    });
    elsewhere.script(async (request, response) => {
      registry.contents.addBlob(await request.body());
      response.writeHead(201).end();
      return 'handled' as const;
    });
    await target(registry, { credentials: login(registry) }).push(descriptorOf(blob), opens(blob));
    expect(authorizations(registry).every((sent, at) => at === 0 || sent !== undefined)).toBe(true);
    expect(authorizations(elsewhere)).toEqual([undefined]);
    expect(elsewhere.requests[0]?.query.get('x-signature')).toBe('a/b');
    expect(elsewhere.requests[0]?.query.get('digest')).toBe(descriptorOf(blob).digest);
  });

  it('C16 secrets and control characters in an error do not get out', async () => {
    const registry = await withManifest();
    challenging(registry, 'Basic realm="x"', (sent) => sent !== undefined);
    registry.script((request, response) => {
      const sent = request.headers.authorization;
      if (sent === undefined || !request.path.endsWith('/tags/list')) return undefined;
      refuse(
        response,
        400,
        'BAD',
        `\x1b[31m you sent ${sent} that is ${password} \u202e\r\n ${'x'.repeat(9000)}`,
      );
      return 'handled';
    });
    const repository = target(registry, { credentials: login(registry) });
    const error = (await repository
      .tags()
      [Symbol.asyncIterator]()
      .next()
      .catch((thrown) => thrown)) as EngineshedError;
    const shown = `${error.message} ${error.hint} ${JSON.stringify(error.details)}`;
    expect(error.message).toContain('BAD: \\x1b[31m you sent');
    expect(shown).not.toContain(password);
    expect(shown).not.toContain(Buffer.from(`ada:${password}`).toString('base64'));
    expect(shown).not.toMatch(/[\x00-\x1f\u202e]/);
    expect(shown.length).toBeLessThan(1000);
  });

  it('C16 the address in an error has neither query nor user info', async () => {
    const [registry, elsewhere] = [await withManifest(), await scripted()];
    redirect(registry, '/v2/acme/engine/manifests/one', `${elsewhere.url}/a?sig=hunter2`);
    elsewhere.script((_request, response) => {
      refuse(response, 400, 'NO', 'no');
      return 'handled';
    });
    await expect(resolving(registry)).rejects.toMatchObject({ details: { url: `${elsewhere.url}/a` } });
  });
});

function redirect(registry: ScriptedRegistry, path: string, location: string): void {
  registry.script((request, response) => {
    if (request.path !== path) return undefined;
    response.writeHead(307, { location }).end();
    return 'handled';
  });
}
