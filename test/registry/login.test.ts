import { describe, expect, it, onTestFinished } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import { refuse, ScriptedRegistry } from '../../src/testing/index.js';
import { expectNoSecrets, foreignOrigin } from '../support/recording.js';
import { client } from '../support/registry-client.js';
import { challenging, password } from './authenticating.js';
import { basic, giveTokens, identityToken, issued, kinds, lead, place, secrets } from './elsewhere.js';

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
