import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { captivePortal, refuse } from '../../src/testing/index.js';
import { descriptorOf, opens, scripted, target } from '../support/registry-client.js';

const blob = randomBytes(700_000);
const descriptor = descriptorOf(blob);
const isPut = ({ method }: RecordedRequest) => method === 'PUT';
const isPost = ({ method }: RecordedRequest) => method === 'POST';

describe('an upload', () => {
  it('looks first, sends the whole with its length, and looks again', async () => {
    const registry = await scripted();
    const repository = target(registry);
    await repository.push(descriptor, opens(blob));
    const path = `/v2/acme/engine/blobs/${descriptor.digest}`;
    expect(registry.log).toEqual([
      `HEAD ${path}`,
      'POST /v2/acme/engine/blobs/uploads/',
      expect.stringMatching(/^PUT \/v2\/acme\/engine\/blobs\/uploads\/[0-9a-f-]+$/),
      `HEAD ${path}`,
    ]);
    const put = registry.requests.find(isPut);
    expect(put?.headers['content-length']).toBe(String(blob.byteLength));
    expect(put?.query.get('state')).toBe('a/b');
    await repository.push(descriptor, opens(blob));
    expect(registry.requests).toHaveLength(5);
  });

  it.each([
    ['absolute', (url: string) => `${url}/up/1`],
    ['absolute with a query', (url: string) => `${url}/up/1?_state=x%2F%3D&a=`],
    ['relative', () => '/up/1'],
    ['relative to the path', () => '../../../../../up/1?x=1'],
    ['with an empty query', () => '/up/1?'],
    ['with a fragment', () => '/up/1#here'],
  ])('goes to a location that is %s', async (_what, location) => {
    const registry = await scripted();
    registry.script(({ method }, response) => {
      if (method !== 'POST') return undefined;
      response.writeHead(202, { location: location(registry.url) }).end();
      return 'handled';
    });
    registry.script(async (request, response) => {
      if (!isPut(request)) return undefined;
      registry.contents.addBlob(await request.body());
      response.writeHead(201).end();
      return 'handled' as const;
    });
    await target(registry).push(descriptor, opens(blob));
    const put = registry.requests.find(isPut);
    expect(put?.path).toBe('/up/1');
    expect(put?.query.get('digest')).toBe(descriptor.digest);
    const asked = new URL(location(registry.url), 'http://x/a/b/c/d/e').searchParams;
    for (const [key, value] of asked) expect(put?.query.get(key)).toBe(value);
  });

  it('C14 a lost session is begun anew, with the content from its start', async () => {
    const registry = await scripted();
    registry.scriptTimes(2, isPut, async (request, response) => {
      await request.body();
      refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
    });
    let opened = 0;
    await target(registry).push(descriptor, () => {
      opened++;
      return opens(blob)();
    });
    expect(opened).toBe(3);
    expect(registry.requests.filter(isPost)).toHaveLength(3);
    expect(registry.contents.blobs.get(descriptor.digest)?.equals(blob)).toBe(true);
  });

  it.each(['reset', 'busy'] as const)('C14 a transfer that fails (%s) is begun anew', async (how) => {
    const registry = await scripted();
    registry.scriptTimes(1, isPut, (_request, response) => {
      if (how === 'reset') response.socket?.resetAndDestroy();
      else response.writeHead(503, { 'retry-after': '0' }).end();
    });
    await target(registry).push(descriptor, opens(blob));
    expect(registry.contents.blobs.get(descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('C14 201 without the blob is not believed', async () => {
    const registry = await scripted();
    registry.scriptTimes(99, isPut, async (request, response) => {
      await request.body();
      response.writeHead(201, { 'docker-content-digest': descriptor.digest }).end();
    });
    await expect(
      target(registry, { limits: { tries: 3 } }).push(descriptor, opens(blob)),
    ).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('does not have it'),
    });
    expect(registry.requests.filter(isPut)).toHaveLength(3);
  });

  it('C12 is not taken by a web page', async () => {
    const registry = await scripted();
    registry.script(captivePortal({ which: isPut }));
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it('C14 a blob of another size under that digest is not taken for ours', async () => {
    const registry = await scripted();
    registry.contents.blobs.set(descriptor.digest, Buffer.from('short'));
    await target(registry).push(descriptor, opens(blob));
    expect(registry.contents.blobs.get(descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('C11 another digest than ours in the answer is an error', async () => {
    const registry = await scripted();
    registry.scriptTimes(1, isPut, async (request, response) => {
      await request.body();
      response.writeHead(201, { 'docker-content-digest': descriptorOf(Buffer.from('x')).digest }).end();
    });
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it("B01 content that is not the descriptor's is never sent whole", async () => {
    const registry = await scripted();
    const repository = target(registry);
    let received = 0;
    registry.script(async (request) => {
      if (isPut(request))
        await request
          .body()
          .then((body) => (received = body.byteLength))
          .catch(() => undefined);
      return undefined;
    });
    for (const [wrong, code] of [
      [Buffer.alloc(blob.byteLength, 'x'), 'DIGEST_MISMATCH'],
      [blob.subarray(1), 'SIZE_MISMATCH'],
      [Buffer.concat([blob, blob]), 'SIZE_MISMATCH'],
    ] as const) {
      await expect(repository.push(descriptor, opens(wrong))).rejects.toMatchObject({ code });
      expect(received).toBe(0);
    }
    expect(registry.contents.blobs.size).toBe(0);
    expect(registry.requests.filter(isPost)).toHaveLength(3);
  });

  it('B01 content is not taken for nothing where nothing was to be sent', async () => {
    const registry = await scripted();
    const pushing = target(registry).push(descriptorOf(Buffer.alloc(0)), opens(blob));
    await expect(pushing).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(registry.contents.blobs.size).toBe(0);
  });

  it('tells what its source throws, and does not try again', async () => {
    const registry = await scripted();
    const broken = async () =>
      (async function* () {
        yield blob.subarray(0, 1000);
        throw new Error('the disk is gone');
      })();
    await expect(target(registry).push(descriptor, broken)).rejects.toThrow('the disk is gone');
    expect(registry.requests.filter(isPost)).toHaveLength(1);
  });

  it('ends when it is refused before its end, and says why', async () => {
    const big = randomBytes(30 * 1024 * 1024);
    const registry = await scripted();
    registry.script((request, response) => {
      if (!isPut(request)) return undefined;
      refuse(response, 413, 'SIZE_INVALID', 'too large for us');
      return 'handled';
    });
    await expect(target(registry).push(descriptorOf(big), opens(big))).rejects.toMatchObject({
      message: expect.stringContaining('too large for us'),
      details: { status: 413 },
    });
  });

  it.each([
    ['no location', {}],
    ['a location that is none', { location: 'http://[' }],
  ])('C04 a session with %s is an error', async (_what, headers) => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (!isPost(request)) return undefined;
      response.writeHead(202, headers).end();
      return 'handled';
    });
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
    });
  });

  it('C09 a server that takes nothing is given up', async () => {
    const big = Buffer.alloc(100 * 1024 * 1024);
    const registry = await scripted();
    registry.script(({ method }) => (method === 'PUT' || method === 'PATCH' ? 'handled' : undefined));
    let read = 0;
    const open = async () =>
      (async function* () {
        for await (const chunk of await opens(big, 1024 * 1024)()) {
          read++;
          yield chunk;
        }
      })();
    const limits = { idleMs: 100, tries: 2 };
    const pushing = target(registry, { limits }).push(descriptorOf(big), open);
    await expect(pushing).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(puts(registry)).toBe(1);
    expect(registry.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
    // What is not taken is not read from the source either.
    expect(read).toBeLessThan(100);
  });

  it('C09 a server that takes the whole and never answers is given up', async () => {
    const registry = await scripted();
    registry.script(async (request) => {
      if (!isPut(request)) return undefined;
      await request.body();
      return 'handled' as const;
    });
    const limits = { commitMs: 100, tries: 1 };
    const pushing = target(registry, { limits }).push(descriptor, opens(blob));
    await expect(pushing).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('C09 a server may take longer to store what it was sent than to answer', async () => {
    const registry = await scripted();
    registry.script(async (request) => {
      if (!isPut(request)) return undefined;
      await request.body();
      await new Promise((resolve) => setTimeout(resolve, 900));
      return undefined;
    });
    const small = Buffer.from('small');
    await target(registry, { limits: { idleMs: 300, commitMs: 30_000 } }).push(
      descriptorOf(small),
      opens(small),
    );
    expect(puts(registry)).toBe(1);
  });

  it('sends what is pushed several times at once only once', async () => {
    const registry = await scripted();
    const repository = target(registry);
    const broken = () => Promise.reject(new Error('the disk is gone'));
    const pushes = [broken, opens(blob), opens(blob), opens(blob)].map((open) =>
      repository.push(descriptor, open),
    );
    expect((await Promise.allSettled(pushes)).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(registry.requests.filter(({ headers }) => Number(headers['content-length']) > 0)).toHaveLength(1);
  });

  it('sends an empty blob', async () => {
    const registry = await scripted();
    const empty = Buffer.alloc(0);
    await target(registry).push(descriptorOf(empty), opens(empty));
    expect(registry.contents.blobs.get(descriptorOf(empty).digest)?.byteLength).toBe(0);
  });
});

function puts(registry: ScriptedRegistry): number {
  return registry.requests.filter(isPut).length;
}
