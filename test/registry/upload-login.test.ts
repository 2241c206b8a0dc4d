import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type RecordedRequest, refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, logins, opens, scripted, target } from '../support/registry-client.js';

const mebibyte = 1024 * 1024;
const blob = randomBytes(6 * mebibyte);
const descriptor = descriptorOf(blob);
const is = (method: string) => (request: RecordedRequest) => request.method === method;

describe('an upload with a login', () => {
  it('C04 shows it to no other origin, neither for the whole nor for what follows', async () => {
    const registry = await scripted();
    const storage = await scripted({ contents: registry.contents });
    challenge(registry, () => true);
    registry.script((request, response) => {
      if (request.method !== 'POST' || request.headers.authorization === undefined) return undefined;
      storage.contents.uploads.set('1', Buffer.alloc(0));
      response.writeHead(202, { location: `${storage.url}/v2/acme/engine/blobs/uploads/1` }).end();
      return 'handled';
    });
    cutOnce(storage, 'PUT', 2 * mebibyte);
    const credentials = logins({ [registry.host]: 'ada:horse' });
    await target(registry, { credentials }).push(descriptor, opens(blob));
    expect(new Set(storage.requests.map(({ method }) => method))).toEqual(new Set(['PUT', 'GET', 'PATCH']));
    expect(storage.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(registry.requests.filter(({ headers }) => headers.authorization !== undefined)).not.toEqual([]);
  });

  it('C04 a session that another host begins after a redirect goes on there, without the login', async () => {
    const [registry, other] = [await scripted(), await scripted()];
    challenge(registry, ({ method }) => method === 'POST');
    registry.script((request, response) => {
      if (request.method !== 'POST' || request.headers.authorization === undefined) return undefined;
      response.writeHead(307, { location: `${other.url}${request.path}` }).end();
      return 'handled';
    });
    const repository = target(registry, {
      credentials: logins({ [registry.host]: 'ada:horse' }),
      limits: { tries: 1 },
    });
    await expect(repository.push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
    });
    expect(other.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
    expect(other.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it('C03 a body goes nowhere that a redirect leads to', async () => {
    const [registry, other] = [await scripted(), await scripted()];
    registry.scriptTimes(1, is('PUT'), async (request, response) => {
      await request.received();
      response.writeHead(307, { location: `${other.url}${request.path}` }).end();
    });
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
    expect(other.requests).toEqual([]);
  });

  it('C01 whose token ends between two chunks gets a new one, and sends that chunk again', async () => {
    const registry = await scripted();
    let token = 0;
    cutOnce(registry, 'PUT', mebibyte);
    registry.script((request, response) => {
      if (request.path === '/token') {
        token++;
        response.writeHead(200, { 'content-type': 'application/json' }).end(`{"token":"t${token}"}`);
        return 'handled';
      }
      if (request.headers.authorization === `Bearer t${token}` && (request.method !== 'PATCH' || token > 1))
        return undefined;
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="${registry.url}/token",service="x"` })
        .end();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
    expect(registry.requests.filter(is('POST'))).toHaveLength(1);
    expect(token).toBe(2);
  });

  it('C01 that is refused again and again is asked for once more, and ends', async () => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (request.path === '/token') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(`{"token":"t"}`);
        return 'handled';
      }
      if (request.method !== 'PUT') return undefined;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.url}/token"` }).end();
      return 'handled';
    });
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    expect(registry.requests.filter(is('PUT')).length).toBeLessThan(3);
  });

  it('C16 does not tell the login or the terminal what a refusal repeats', async () => {
    const registry = await scripted();
    challenge(registry, () => true);
    registry.script(async (request, response) => {
      if (request.method !== 'PUT') return undefined;
      await request.received();
      refuse(response, 400, 'NAME_INVALID', `\u001b[2J${request.headers.authorization} of ada:correct horse`);
      return 'handled';
    });
    const repository = target(registry, { credentials: logins({ [registry.host]: 'ada:correct horse' }) });
    const error = await repository.push(descriptor, opens(blob)).catch((error) => error);
    expect(error).toMatchObject({ code: 'RESPONSE_INVALID', details: { reasons: ['NAME_INVALID'] } });
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toMatch(
      /\u001b|correct horse|YWRhOmNvcnJlY3QgaG9yc2U/,
    );
  });

  it.each(['POST', 'PUT', 'PATCH'])('C06 waits as long as a %s is told to', async (method) => {
    const registry = await scripted();
    if (method === 'PATCH') cutOnce(registry, 'PUT', mebibyte);
    registry.scriptTimes(1, is(method), async (request, response) => {
      await request.received();
      response.writeHead(429, { 'retry-after': '1' }).end();
    });
    const begun = performance.now();
    await target(registry).push(descriptor, opens(blob));
    expect(performance.now() - begun).toBeGreaterThan(990);
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it.each(['POST', 'PUT'])('C06 ends where a %s is told to wait for an hour', async (method) => {
    const registry = await scripted();
    registry.scriptTimes(9, is(method), async (request, response) => {
      await request.received();
      response.writeHead(429, { 'retry-after': '3600' }).end();
    });
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    expect(registry.requests.filter(is('DELETE'))).toEqual([]);
  });
});

/** Asks for a login by basic authentication. */
function challenge(registry: ScriptedRegistry, wants: (request: RecordedRequest) => boolean): void {
  registry.script((request, response) => {
    if (request.headers.authorization !== undefined || !wants(request)) return undefined;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return 'handled';
  });
}

function cutOnce(registry: ScriptedRegistry, method: string, bytes: number): void {
  let isDone = false;
  registry.script((request) => {
    if (request.method === method && !isDone) {
      isDone = true;
      request.cutAfter(bytes);
    }
    return undefined;
  });
}
