import type { ServerResponse } from 'node:http';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { logins, target } from '../support/registry-client.js';

/** Ada's. */
export const password = 'correct-horse-battery';

/** Ada's login for a registry. */
export function login(registry: ScriptedRegistry) {
  return logins({ [registry.host]: `ada:${password}` });
}

/** Asks for the manifest with Ada's login. */
export function resolving(registry: ScriptedRegistry) {
  return target(registry, { credentials: login(registry) }).resolve('one');
}

/** Answers 401 to requests whose `Authorization` is not accepted, but for the token service and what redirects lead to. */
export function challenging(
  registry: ScriptedRegistry,
  challenge: string,
  accepts: (authorization: string | undefined) => boolean,
): void {
  registry.script(({ path, headers }, response) => {
    if (['/token', '/home', '/back'].includes(path) || accepts(headers.authorization)) return undefined;
    response.setHeader('www-authenticate', challenge);
    refuse(response, 401, 'UNAUTHORIZED', 'authentication required');
    return 'handled';
  });
}

/** A token service at /token: `token-1`, `token-2`, ... */
export function tokens(registry: ScriptedRegistry, extra: object = {}) {
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

/** What was sent as `Authorization` with each request but those for tokens. */
export function authorizations(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests
    .filter(({ path }) => path !== '/token')
    .map(({ headers }) => headers.authorization);
}
