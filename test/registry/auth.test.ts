import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import type { EngineshedError } from '../../src/errors/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import { realmMayHaveCredentials } from '../../src/registry/realm.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { refuse } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  logins,
  manifestBytes,
  opens,
  reference,
  scripted,
  target,
} from '../support/registry-client.js';

const password = 'correct-horse-battery';

describe('authentication', () => {
  it('C01 ends after one more try when a registry refuses a login again and again', async () => {
    const registry = await withManifest();
    challenging(registry, 'Basic realm="x"', () => false);
    await expect(resolving(registry)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining(registry.host),
      hint: expect.stringMatching(/"ada".*\/home\/test\/auth\.json/),
    });
    expect(authorizations(registry)).toEqual([undefined, expect.stringMatching(/^Basic /)]);
  });

  it('C01 does not send a login again that was just refused', async () => {
    const registry = await withManifest();
    let accepting = true;
    challenging(registry, 'Basic realm="x"', (sent) => accepting && sent !== undefined);
    const repository = target(registry, { credentials: login(registry) });
    await repository.resolve('one');
    accepting = false;
    await expect(repository.resolve('one')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(registry.requests).toHaveLength(3);
  });

  it('C01 ends after one more try when a registry refuses token after token', async () => {
    const registry = await withManifest();
    const issued = tokens(registry);
    challenging(registry, `Bearer realm="${registry.url}/token",service="s"`, () => false);
    await expect(resolving(registry)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(authorizations(registry)).toEqual([undefined, 'Bearer token-1']);
    expect(issued.requests).toHaveLength(1);
  });

  it('C01 renews a token that is no longer taken, once for all who need it', async () => {
    const registry = await withManifest();
    let good = 'token-1';
    const issued = tokens(registry);
    challenging(registry, `Bearer realm="${registry.url}/token"`, (sent) => sent === `Bearer ${good}`);
    const repository = target(registry);
    await repository.resolve('one');
    good = 'token-2';
    await Promise.all(Array.from({ length: 5 }, () => repository.resolve('one')));
    expect(issued.requests).toHaveLength(2);
  });

  it('C01 says that nothing was found, and where it was looked for', async () => {
    const registry = await withManifest();
    challenging(registry, 'Basic realm="x"', () => false);
    await expect(target(registry).resolve('one')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringMatching(/No credentials for 127.*were found in \/home\/test\/auth\.json.*login/),
    });
    expect(authorizations(registry)).toEqual([undefined]);
  });

  it.each([
    ['no challenge', ''],
    ['a scheme that is not supported', 'Negotiate'],
  ])('C01 says so where a 401 has %s', async (_what, challenge) => {
    const registry = await withManifest();
    challenging(registry, challenge, () => false);
    await expect(resolving(registry)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(authorizations(registry)).toEqual([undefined]);
  });

  it('tells 403 from 401', async () => {
    const registry = await withManifest();
    registry.script((_request, response) => {
      refuse(response, 403, 'DENIED', 'not yours');
      return 'handled';
    });
    await expect(resolving(registry)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('"ada"'),
      details: { status: 403 },
    });
  });

  it('takes the token service of several challenges, and keeps to it', async () => {
    const registry = await withManifest();
    const issued = tokens(registry);
    challenging(
      registry,
      `Basic realm="x, y", Bearer realm="${registry.url}/token",service="a \\"b\\", c"`,
      (sent) => Boolean(sent?.startsWith('Bearer ')),
    );
    const repository = client({ credentials: login(registry) }).repository(reference(registry.host));
    await repository.resolve('one');
    await repository.resolve('one');
    expect(authorizations(registry)).toEqual([undefined, 'Bearer token-1', 'Bearer token-1']);
    expect(issued.requests).toEqual([
      {
        service: 'a "b", c',
        scopes: ['repository:acme/engine:pull'],
        authorization: expect.stringMatching(/^Basic /),
      },
    ]);
  });

  it('asks for the scopes of the challenge beside its own, and for pushing for the right to push', async () => {
    const registry = await withManifest();
    const issued = tokens(registry);
    challenging(
      registry,
      `Bearer realm="${registry.url}/token",scope="repository:acme/engine:metadata_read other:thing:do"`,
      (sent) => Boolean(sent?.startsWith('Bearer ')),
    );
    const repository = target(registry);
    await repository.resolve('one');
    const blob = Buffer.from('x');
    await repository.push(descriptorOf(blob), opens(blob));
    expect(issued.requests.map(({ scopes }) => scopes)).toEqual([
      ['repository:acme/engine:pull,metadata_read', 'other:thing:do'],
      ['repository:acme/engine:pull,push'],
    ]);
  });

  it('asks for no more than ten scopes of a challenge', async () => {
    const registry = await withManifest();
    const issued = tokens(registry);
    const scopes = Array.from({ length: 100 }, (_, at) => `other:thing-${at}:do`).join(' ');
    challenging(registry, `Bearer realm="${registry.url}/token",scope="${scopes}"`, (sent) => Boolean(sent));
    await target(registry).resolve('one');
    expect(issued.requests[0]?.scopes).toHaveLength(11);
  });

  it('a token that could not be had is asked for again', async () => {
    const registry = await withManifest();
    tokens(registry);
    let refusals = 0;
    registry.script(({ path }, response) => {
      if (path !== '/token' || refusals++ > 0) return undefined;
      refuse(response, 404, 'UNKNOWN', 'not yet');
      return 'handled';
    });
    challenging(registry, `Bearer realm="${registry.url}/token"`, (sent) => Boolean(sent));
    const repository = target(registry);
    await expect(repository.resolve('one')).rejects.toBeDefined();
    await repository.resolve('one');
  });

  it('answers of token services and bodies of errors are bounded', async () => {
    const registry = await withManifest();
    challenging(registry, `Bearer realm="${registry.url}/token"`, () => false);
    let status = 200;
    let sent = 0;
    registry.script(({ path }, response) => {
      if (path !== '/token') return undefined;
      response.writeHead(status, { 'content-type': 'application/json' });
      const more = () => {
        if (response.destroyed || sent > 50_000_000) return response.end();
        sent += 100_000;
        return response.write('{"token":"'.padEnd(100_000, 'x'), more);
      };
      more();
      return 'handled';
    });
    for (status of [200, 403]) {
      sent = 0;
      const error = await target(registry)
        .resolve('one')
        .catch((thrown) => thrown);
      // What was cut off at the bound is not read as if it were the whole.
      if (status === 200) expect(error.message).toMatch(/ answered with more than the \d+ bytes /);
      expect(error).toMatchObject({ details: { url: `${registry.url}/token` } });
      expect(sent).toBeLessThan(20_000_000);
    }
  });

  it('does not use a token to its end', async () => {
    const registry = await withManifest();
    const issued = tokens(registry, { expires_in: 0.01 });
    challenging(registry, `Bearer realm="${registry.url}/token"`, (sent) => Boolean(sent));
    const repository = target(registry);
    await repository.resolve('one');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await repository.resolve('one');
    expect(issued.requests).toHaveLength(2);
  });

  it('sends a registry token as it is', async () => {
    const registry = await withManifest();
    challenging(registry, `Bearer realm="${registry.url}/token"`, (sent) => sent === 'Bearer given');
    const credential: Credential = { kind: 'registryToken', username: '', token: 'given', origin: 'a test' };
    await target(registry, { credentials: logins({ [registry.host]: credential }) }).resolve('one');
  });

  it('C12 says that a token service answers with a web page, or without a token', async () => {
    for (const [type, body, said] of [
      ['text/html', '<html>', 'web page'],
      ['application/json', '{}', 'without a token'],
      ['application/json', '{"token":"a b"}', 'without a token'],
    ] as const) {
      const registry = await withManifest();
      registry.script(({ path }, response) => {
        if (path !== '/token') return undefined;
        response.writeHead(200, { 'content-type': type }).end(body);
        return 'handled';
      });
      challenging(registry, `Bearer realm="${registry.url}/token"`, () => false);
      await expect(target(registry).resolve('one')).rejects.toMatchObject({
        code: 'RESPONSE_INVALID',
        message: expect.stringContaining(said),
      });
    }
  });

  it('C12 a web page takes no login', async () => {
    const registry = await scripted();
    registry.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      return 'handled';
    });
    const attempt = { username: 'me', password: 'hunter2' };
    await expect(client().checkLogin(registry.host, attempt)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
    for (const { headers } of registry.requests) expect(headers.authorization).toBeUndefined();
  });
});

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

async function withManifest(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
  return registry;
}

function login(registry: ScriptedRegistry) {
  return logins({ [registry.host]: `ada:${password}` });
}

function resolving(registry: ScriptedRegistry) {
  return target(registry, { credentials: login(registry) }).resolve('one');
}

/** Answers 401 below /v2/ to requests whose `Authorization` is not accepted. */
function challenging(
  registry: ScriptedRegistry,
  challenge: string,
  accepts: (authorization: string | undefined) => boolean,
): void {
  registry.script(({ path, headers }, response) => {
    if (path === '/token' || path === '/home' || accepts(headers.authorization)) return undefined;
    response.setHeader('www-authenticate', challenge);
    refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
    return 'handled';
  });
}

/** A token service at /token: `token-1`, `token-2`, ... */
function tokens(registry: ScriptedRegistry, extra: object = {}) {
  const requests: { service: string | null; scopes: string[]; authorization: string | undefined }[] = [];
  registry.script(({ path, query, headers }, response: ServerResponse) => {
    if (path !== '/token') return undefined;
    requests.push({
      service: query.get('service'),
      scopes: query.getAll('scope'),
      authorization: headers.authorization,
    });
    response.writeHead(200).end(JSON.stringify({ token: `token-${requests.length}`, ...extra }));
    return 'handled';
  });
  return { requests };
}

function redirect(registry: ScriptedRegistry, path: string, location: string): void {
  registry.script((request, response) => {
    if (request.path !== path) return undefined;
    response.writeHead(307, { location }).end();
    return 'handled';
  });
}

function authorizations(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests
    .filter(({ path }) => path !== '/token')
    .map(({ headers }) => headers.authorization);
}
