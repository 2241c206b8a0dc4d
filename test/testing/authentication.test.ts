import { expect, it, onTestFinished } from 'vitest';
import {
  basicAuthentication,
  bearerAuthentication,
  startTokenService,
  type TokenServiceOptions,
} from '../../src/testing/index.js';
import { client, descriptorOf, logins, opens, reference, scripted } from '../support/registry-client.js';

const bytes = Buffer.from('content');
const descriptor = descriptorOf(bytes);

it('basicAuthentication lets in who knows the password', async () => {
  const registry = await scripted();
  registry.script(basicAuthentication({ ada: 'pass:word' }));
  const refused = await fetch(`${registry.url}/v2/`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toBe('Basic realm="scripted registry"');
  const push = (login: string) =>
    client({ credentials: logins({ [registry.host]: login }) })
      .repository(reference(registry.host))
      .push(descriptor, opens(bytes));
  await push('ada:pass:word').catch(() => {});
  await expect(push('ada:wrong')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
});

it('bearerAuthentication takes tokens of its service, for what they are good for', async () => {
  const { registry, tokens, repository } = await withTokens({ users: { ada: 'horse' } });
  await repository('ada').push(descriptor, opens(bytes));
  expect(await repository().exists(descriptor)).toBe(true);
  const other = descriptorOf(Buffer.from('other'));
  await expect(repository().push(other, opens(Buffer.from('other')))).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
  });
  expect(tokens.requests.map(({ user, scopes }) => ({ user, scopes }))).toContainEqual({
    user: 'ada',
    scopes: ['repository:acme/engine:pull,push'],
  });
  const made = await fetch(`${registry.url}/v2/`, { headers: { authorization: 'Bearer made-up' } });
  expect(made.headers.get('www-authenticate')).toContain('error="invalid_token"');
});

it('a token is no longer taken when it is revoked', async () => {
  const { tokens, repository } = await withTokens({ users: { ada: 'horse' } });
  const one = repository('ada');
  await one.exists(descriptor);
  tokens.revokeAll();
  expect(await one.exists(descriptor)).toBe(false);
  expect(tokens.requests).toHaveLength(2);
});

async function withTokens(options: TokenServiceOptions) {
  const tokens = await startTokenService(options);
  onTestFinished(() => tokens.close());
  const registry = await scripted();
  registry.script(bearerAuthentication(tokens));
  const repository = (user?: string) =>
    client({
      credentials: logins(user === undefined ? {} : { [registry.host]: `${user}:horse` }),
    }).repository(reference(registry.host));
  return { registry, tokens, repository };
}
