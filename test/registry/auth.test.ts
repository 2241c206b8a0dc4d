import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import { refuse } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  logins,
  opens,
  reference,
  scripted,
  target,
} from '../support/registry-client.js';
import { authorizations, challenging, login, resolving, tokens } from './authenticating.js';
import { withManifest } from './manifests.js';

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
