import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/credentials/index.js';
import { realmMayHaveCredentials } from '../../src/registry/realm.js';
import { Secrets } from '../../src/registry/secrets.js';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { client, descriptorOf, logins, opens, scripted, tagsOf, target } from '../support/registry-client.js';

const password = 'correct-horse/battery';
const encoded = Buffer.from(`ada:${password}`).toString('base64');

describe('secrets', () => {
  it('C16 are taken out wherever they are, as they are and as they stand in addresses, the longest first', () => {
    const secrets = new Secrets();
    for (const secret of ['secret', 'secret/longer', 'abc']) secrets.add(secret);
    expect(secrets.redact('secret/longer secret secret%2Flonger abc secret')).toBe('*** *** *** abc ***');
  });

  it.each<[string, Credential, string]>([
    [
      'a registry token',
      { kind: 'registryToken', username: '', token: 'given/token', origin: 'x' },
      'given/token',
    ],
    ['a password', { kind: 'password', username: 'ada', password, origin: 'x' }, password],
    ['a password as it is sent', { kind: 'password', username: 'ada', password, origin: 'x' }, encoded],
  ])(
    'C16 %s is in no error, though the registry repeats it in words of its own',
    async (_, credential, secret) => {
      const registry = await scripted();
      repeating(registry, credential.kind === 'password' ? 'Basic' : 'Bearer', secret);
      const repository = target(registry, { credentials: logins({ [registry.host]: credential }) });
      const error = await tagsOf(repository).catch((thrown) => thrown);
      expect(error.message).toContain('you said');
      expect(error.message).not.toContain(secret);
    },
  );

  it.each([password, encoded])('C16 of a login are in no error either: %s', async (secret) => {
    const registry = await scripted();
    repeating(registry, 'Basic', secret);
    const error = await client()
      .checkLogin(registry.host, { username: 'ada', password })
      .catch((thrown) => thrown);
    expect(error.message).toContain('you said');
    expect(error.message).not.toContain(secret);
  });
});

/** Refuses whoever sends a login, and says a secret of it again. */
function repeating(registry: ScriptedRegistry, scheme: string, secret: string): void {
  registry.script(({ headers }, response) => {
    if (headers.authorization === undefined) {
      response.setHeader('www-authenticate', `${scheme} realm="${registry.url}/token"`);
      refuse(response, 401, 'UNAUTHORIZED', 'log in');
    } else refuse(response, 400, 'BAD', `you said (${secret})`);
    return 'handled';
  });
}

describe('a token service', () => {
  it.each([
    ['ghcr.io', 'https://localhost/token'],
    ['10.0.0.1', 'https://11.0.0.1/token'],
    ['evilgitlab.com', 'https://gitlab.com/token'],
    ['gitlab.com', 'https://evilgitlab.com/token'],
  ])('C02 of %s is not the one at %s', async (registry, realm) => {
    const isLoggedIn = async (host: string) => host === 'localhost';
    expect(await realmMayHaveCredentials(registry, true, new URL(realm), isLoggedIn)).toBe(false);
  });
});

describe('what is bounded or broken off', () => {
  it('the repositories that a blob is mounted from', async () => {
    const registry = await scripted();
    registry.script(({ method, query }, response) => {
      if (method !== 'POST' || !query.has('mount')) return undefined;
      refuse(response, 404, 'NAME_UNKNOWN', 'no such repository');
      return 'handled';
    });
    const blob = Buffer.from('x');
    const mountFrom = Array.from({ length: 9 }, (_, at) => `acme/other-${at}`);
    await target(registry).push(descriptorOf(blob), opens(blob), { mountFrom });
    expect(registry.requests.filter(({ query }) => query.has('from'))).toHaveLength(3);
  });

  it('C07 a page that is cut is asked for again', async () => {
    const registry = await scripted();
    let cut = 0;
    registry.script(({ path }, response) => {
      if (!path.endsWith('/tags/list')) return undefined;
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 30 });
      if (cut++ === 0) response.write('{"tags":', () => response.destroy());
      else response.end('{"name":"x","tags":["a", "b"]}');
      return 'handled';
    });
    const tags: string[] = [];
    for await (const tag of target(registry).tags()) tags.push(tag);
    expect([tags, cut]).toEqual([['a', 'b'], 2]);
  });
});
