import { type Answer, refusal, send } from './answer.js';
import type { RecordedRequest } from './request.js';
import type { Script } from './script.js';
import type { TokenService } from './token.js';

/**
 * Asks for a user and a password (401 with a `Basic` challenge), of every request.
 * @param users passwords by user
 */
export function basicAuthentication(users: Readonly<Record<string, string>>): Script {
  const accepted = new Set(
    Object.entries(users).map(([user, password]) => Buffer.from(`${user}:${password}`).toString('base64')),
  );
  return ({ headers }, response) => {
    const [, sent = ''] = /^Basic (.*)$/i.exec(headers.authorization ?? '') ?? [];
    if (accepted.has(sent)) return undefined;
    send(response, challenge('Basic realm="scripted registry"'));
    return 'handled';
  };
}

/**
 * Asks for a token (401 with a `Bearer` challenge), of every request, as distribution's token authentication does.
 * @param tokens issues and knows them
 */
export function bearerAuthentication(tokens: TokenService): Script {
  return (request, response) => {
    const [, token = ''] = /^Bearer (.*)$/i.exec(request.headers.authorization ?? '') ?? [];
    const actions = actionsOf(request);
    const granted = tokens.grants(token);
    const isGranted = (action: string) => granted?.includes(`${request.repository}:${action}`);
    if (granted !== undefined && actions.every(isGranted)) return undefined;
    const parts = [`realm="${tokens.realm}"`, `service="${tokens.service.replace(/["\\]/g, '\\$&')}"`];
    if (actions.length > 0) parts.push(`scope="repository:${request.repository}:${actions.join(',')}"`);
    if (token !== '') parts.push(`error="${granted === undefined ? 'invalid_token' : 'insufficient_scope'}"`);
    send(response, challenge(`Bearer ${parts.join(',')}`));
    return 'handled';
  };
}

/** What a request does in its repository, in the words of scopes; nothing for one that is about none. */
function actionsOf({ method, repository }: RecordedRequest): readonly string[] {
  if (repository === '') return [];
  if (method === 'GET' || method === 'HEAD') return ['pull'];
  return method === 'DELETE' ? ['delete'] : ['pull', 'push'];
}

function challenge(header: string): Answer {
  const { headers, ...rest } = refusal(401, 'UNAUTHORIZED', 'authentication required');
  return { ...rest, headers: { ...headers, 'www-authenticate': header } };
}
