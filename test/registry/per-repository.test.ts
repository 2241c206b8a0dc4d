import { describe, expect, it, onTestFinished } from 'vitest';
import type { Credential, CredentialSource } from '../../src/credentials/index.js';
import { mediaTypes } from '../../src/oci/index.js';
import { defaultLimits } from '../../src/registry/limits.js';
import { Pace } from '../../src/registry/retry.js';
import { Secrets } from '../../src/registry/secrets.js';
import { TokenSource } from '../../src/registry/token.js';
import { createTransport } from '../../src/registry/transport.js';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  manifestBytes,
  opens,
  reference,
  scripted,
} from '../support/registry-client.js';

const passwords: Readonly<Record<string, string>> = {
  'team-a/app': 'password-of-a',
  'team-b/app': 'password-of-b',
};
const repositories = Object.keys(passwords);

describe('two logins for repositories of one registry', () => {
  it.each(['basic', 'bearer', 'identity token', 'registry token'] as const)(
    'C02 are each used for their own only: %s',
    async (kind) => {
      const registry = await withTwoOwners(kind);
      const connection = client({ credentials: byRepository(kind) });
      const blob = Buffer.from('blob');
      await Promise.all(
        [...repositories, ...repositories].map(async (name) => {
          const repository = connection.repository(reference(registry.host, name));
          await repository.resolve('one');
          await repository.push(descriptorOf(blob), opens(blob));
          await repository.resolve('one');
        }),
      );
      expectOwnLoginsOnly(registry);
      expect(
        registry.requests.filter(({ headers }) => headers.authorization !== undefined).length,
      ).toBeGreaterThan(8);
    },
  );

  it.each(['basic', 'bearer'] as const)('C02 are not mixed by a mount: %s', async (kind) => {
    const registry = await withTwoOwners(kind);
    const [from = '', to = ''] = repositories;
    const connection = client({ credentials: byRepository(kind) });
    const blob = Buffer.from('blob to mount');
    await connection.repository(reference(registry.host, from)).push(descriptorOf(blob), opens(blob));
    await connection
      .repository(reference(registry.host, to))
      .push(descriptorOf(blob), opens(blob), { mountFrom: [from] });
    expect(registry.requests.some(({ query }) => query.get('from') === from)).toBe(true);
    expectOwnLoginsOnly(registry);
  });

  it('C02 do not share a token, even where both ask for the same', async () => {
    const registry = await withTwoOwners('bearer');
    const limits = defaultLimits;
    const transport = createTransport({
      environment: {},
      certificateDirectories: [],
      userAgent: 'engineshed-test',
      limits,
    });
    onTestFinished(() => transport.close());
    const pace = new Pace(limits, () => undefined);
    const tokens = new TokenSource({ transport, pace, secrets: new Secrets() });
    const ask = (name: string) => {
      const { kind, ...login } = credentialOf(name, 'bearer');
      if (kind !== 'password' || !('password' in login)) throw new Error('not a password');
      return tokens.get({
        realm: new URL(`${registry.url}/token`),
        service: 's',
        scopes: repositories.map((repository) => `repository:${repository}:pull`),
        credential: { kind, ...login },
        purpose: 'access',
        hint: '',
      });
    };
    const [a = '', b = ''] = repositories;
    expect([await ask(a), await ask(b), await ask(a)]).toEqual([
      `token-for-${a}`,
      `token-for-${b}`,
      `token-for-${a}`,
    ]);
    expect(registry.requests).toHaveLength(2);
  });
});

/** A registry in which each repository knows its own login only. */
async function withTwoOwners(kind: string): Promise<ScriptedRegistry> {
  const registry = await scripted();
  for (const name of repositories)
    registry.contents.addManifest(name, mediaTypes.imageManifest, manifestBytes, 'one');
  registry.script(async ({ path, query, headers, body }, response) => {
    if (path === '/token') {
      const form = new URLSearchParams((await body()).toString());
      const owner = repositories.find(
        (name) => headers.authorization === basicOf(name) || form.get('refresh_token') === passwords[name],
      );
      const scopes = `${query.getAll('scope').join(' ')} ${form.get('scope') ?? ''}`;
      if (owner === undefined || !scopes.includes(owner)) refuse(response, 401, 'UNAUTHORIZED', 'who?');
      else response.writeHead(200).end(JSON.stringify({ token: `token-for-${owner}` }));
      return 'handled';
    }
    const name = repositories.find((candidate) => path.startsWith(`/v2/${candidate}/`)) ?? '';
    if (accepted(name).includes(headers.authorization ?? '')) return undefined;
    response.setHeader(
      'www-authenticate',
      kind === 'basic' ? 'Basic realm="x"' : `Bearer realm="${registry.url}/token",service="s"`,
    );
    refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
    return 'handled';
  });
  return registry;
}

function expectOwnLoginsOnly(registry: ScriptedRegistry): void {
  for (const { path, headers } of registry.requests) {
    const name = repositories.find((candidate) => path.startsWith(`/v2/${candidate}/`));
    if (name === undefined || headers.authorization === undefined) continue;
    expect([path, accepted(name).includes(headers.authorization)]).toEqual([path, true]);
  }
}

function accepted(name: string): string[] {
  return [basicOf(name), `Bearer token-for-${name}`, `Bearer ${passwords[name]}`];
}

function basicOf(name: string): string {
  return `Basic ${Buffer.from(`same:${passwords[name]}`).toString('base64')}`;
}

function byRepository(kind: string): CredentialSource {
  return {
    places: [],
    find: async (_registry, repository = '') =>
      passwords[repository] === undefined ? undefined : credentialOf(repository, kind),
  };
}

function credentialOf(repository: string, kind: string): Credential {
  const secret = passwords[repository] ?? '';
  const common = { username: 'same', origin: 'the same file' };
  if (kind === 'identity token') return { kind: 'identityToken', token: secret, ...common };
  if (kind === 'registry token') return { kind: 'registryToken', token: secret, ...common };
  return { kind: 'password', password: secret, ...common };
}
