import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { loseUploads, type RecordedRequest, refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, opens, scripted, target } from '../support/registry-client.js';

const mebibyte = 1024 * 1024;
const blob = randomBytes(10 * mebibyte);
const descriptor = descriptorOf(blob);
const is = (method: string) => (request: RecordedRequest) => request.method === method;
const isSession = ({ method, path }: RecordedRequest) =>
  path.includes('/blobs/uploads/') && method !== 'POST';

describe('an upload whose connection is lost', () => {
  it.each([1, 65_537, 7 * mebibyte + 3, 10 * mebibyte - 1])(
    'C07 after %i bytes goes on from the offset that the registry tells',
    async (bytes) => {
      const registry = await scripted();
      cut(registry, 'PUT', [bytes]);
      await target(registry).push(descriptor, opens(blob));
      expectStored(registry);
      // One byte looks like none.
      expect(begun(registry)).toBe(bytes === 1 ? 2 : 1);
      const [first] = registry.requests.filter(is('PATCH'));
      expect(first?.headers['content-range']).toMatch(new RegExp(`^${bytes === 1 ? 0 : bytes}-\\d+$`));
    },
  );

  it('C07 goes on again and again as long as that makes progress', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [mebibyte]);
    cut(
      registry,
      'PATCH',
      Array.from({ length: 6 }, () => mebibyte),
    );
    await target(registry, { limits: { tries: 2 } }).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(1);
    expect(registry.requests.filter(is('PATCH')).length).toBeGreaterThan(6);
  });

  it('C07 ends where that makes none', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', Array(99).fill(5 * mebibyte));
    cut(registry, 'PATCH', Array(99).fill(1000));
    await expect(
      target(registry, { limits: { tries: 4 } }).push(descriptor, opens(blob)),
    ).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(registry.requests.filter(is('PATCH')).length).toBeLessThan(6);
    expect(registry.contents.blobs.size).toBe(0);
  });

  it('C07 sends smaller chunks where none arrives, as behind a proxy that passes on whole requests only', async () => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (request.method !== 'PUT' && request.method !== 'PATCH') return undefined;
      if (Number(request.headers['content-length']) <= 2 * mebibyte) return undefined;
      response.socket?.resetAndDestroy();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
  });

  it('C07 is not sent again where only the answer was lost', async () => {
    const registry = await scripted();
    registry.scriptTimes(1, is('PUT'), async (request, response) => {
      registry.contents.store('acme/engine', descriptor.digest, await request.body());
      response.socket?.resetAndDestroy();
    });
    await target(registry).push(descriptor, opens(blob));
    expect(registry.requests.filter(isSession)).toHaveLength(1);
  });

  it('C06 or which is busy, goes on from its offset when it may', async () => {
    const registry = await scripted();
    registry.scriptTimes(1, is('PUT'), async (request, response) => {
      const { bytes } = await request.received();
      const session = request.path.split('/').at(-1) as string;
      registry.contents.uploads.set(session, bytes.subarray(0, 3 * mebibyte));
      response.writeHead(503, { 'retry-after': '0' }).end();
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(registry.requests.find(is('PATCH'))?.headers['content-range']).toMatch(/^3145728-/);
  });

  it('C14 begins a new session where the registry forgot the old one', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [5 * mebibyte]);
    registry.scriptTimes(1, is('GET'), (_request, response) => {
      refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(2);
  });

  it('C14 begins a new session where a chunk finds the old one gone', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [5 * mebibyte]);
    registry.scriptTimes(1, is('PATCH'), async (request, response) => {
      await request.received();
      refuse(response, 400, 'BLOB_UPLOAD_INVALID', 'blob upload invalid');
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(2);
  });

  it('C14 goes on in the session that was begun anew, and leaves the lost one alone', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [5 * mebibyte]);
    registry.script(loseUploads({ times: 1 }));
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(2);
    expect(registry.requests.find(is('PATCH'))?.headers['content-range']).toMatch(/^5242880-/);
    expect(registry.requests.filter(is('DELETE'))).toEqual([]);
  });

  it("B01 never closes a session with content that is not the descriptor's", async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [5 * mebibyte]);
    let opened = 0;
    const changing = async () => {
      opened++;
      if (opened === 1) return opens(blob)();
      return opens(Buffer.concat([blob.subarray(0, 9 * mebibyte), randomBytes(mebibyte)]))();
    };
    await expect(target(registry).push(descriptor, changing)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(registry.requests.filter(is('PUT'))).toHaveLength(1);
    expect(registry.requests.at(-1)?.method).toBe('DELETE');
    expect(registry.contents.uploads.size).toBe(0);
  });
});

describe('a registry that tells the offset in its own way', () => {
  const answers: [string, (at: number, location: string, response: ServerResponse) => void][] = [
    ['with 202', (at, location, response) => response.writeHead(202, { location, range: `0-${at - 1}` })],
    ['with 200', (at, location, response) => response.writeHead(200, { location, range: `0-${at - 1}` })],
    [
      'as bytes=',
      (at, location, response) => response.writeHead(204, { location, range: `bytes=0-${at - 1}` }),
    ],
    ['without a location', (at, _location, response) => response.writeHead(204, { range: `0-${at - 1}` })],
    [
      'of the last chunk',
      (at, location, response) => response.writeHead(204, { location, range: `5-${at - 1}` }),
    ],
  ];
  it.each(answers)('C07 is understood: %s', async (_what, answer) => {
    const registry = await scripted();
    cut(registry, 'PUT', [6 * mebibyte]);
    registry.script((request, response) => {
      if (request.method !== 'GET') return undefined;
      const at = registry.contents.uploads.get(sessionOf(request))?.byteLength ?? 0;
      answer(at, `${request.path}?at=${at}`, response);
      response.end();
      return 'handled';
    });
    registry.script(async (request) => {
      // Where no location was told, the old one is used.
      if (request.method === 'PATCH' || request.method === 'PUT') request.query.delete('at');
      return undefined;
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(1);
    expect(registry.requests.find(is('PATCH'))?.headers['content-range']).toMatch(/^6291456-/);
  });

  it.each([
    ['more than was sent', 204, '0-10485759'],
    ['far more', 204, '0-99999999999'],
    ['nonsense', 204, 'much'],
    ['nothing', 204, undefined],
    ['that it does not support that', 405, undefined],
    ['no such thing', 404, undefined],
  ])('C07 is given up where it tells %s', async (_what, status, range) => {
    const registry = await scripted();
    cut(registry, 'PUT', [6 * mebibyte]);
    registry.script((request, response) => {
      if (request.method !== 'GET') return undefined;
      response.writeHead(status, { location: request.path, ...(range && { range }) }).end();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(2);
    expect(registry.requests.filter(is('PATCH'))).toHaveLength(0);
    expect(registry.requests.filter(is('PUT'))).toHaveLength(2);
  });

  it('C07 that tells less than it has is told where it stands by its refusal', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [6 * mebibyte]);
    registry.scriptTimes(1, is('GET'), (request, response) => {
      const location = `${request.path}?at=${6 * mebibyte}`;
      response.writeHead(204, { location, range: `0-${2 * mebibyte - 1}` }).end();
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(1);
    const ranges = registry.requests.filter(is('PATCH')).map(({ headers }) => headers['content-range']);
    expect(ranges[0]).toMatch(/^2097152-/);
    expect(ranges[1]).toMatch(/^6291456-/);
  });

  it('C07 whose Range stands still is not sent the same chunks again', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [mebibyte]);
    registry.script(async (request, response) => {
      if (request.method !== 'PATCH') return undefined;
      const session = sessionOf(request);
      const all = Buffer.concat([registry.contents.uploads.get(session) as Buffer, await request.body()]);
      registry.contents.uploads.set(session, all);
      response.writeHead(202, { location: request.path, range: '0-1048575' }).end();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(1);
  });

  it('C07 that refuses every offset, even its own, is sent the whole, and given up in the end', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', Array(99).fill(6 * mebibyte));
    registry.script(async (request, response) => {
      if (request.method !== 'PATCH') return undefined;
      await request.received();
      response.writeHead(416, { location: request.path, range: '0-1000' }).end();
      return 'handled';
    });
    await expect(
      target(registry, { limits: { tries: 4 } }).push(descriptor, opens(blob)),
    ).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
    });
    expect(registry.requests.filter(is('PATCH'))).toHaveLength(1);
  });

  it('C07 that puts chunks together wrongly is sent the whole', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [6 * mebibyte]);
    registry.scriptTimes(1, is('PATCH'), async (request, response) => {
      const { bytes } = await request.received();
      registry.contents.uploads.set(sessionOf(request), bytes);
      response.writeHead(202, { location: request.path }).end();
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(begun(registry)).toBe(2);
  });

  it('takes a last chunk that closes the session', async () => {
    const registry = await scripted();
    cut(registry, 'PUT', [6 * mebibyte]);
    registry.script(async (request, response) => {
      if (request.method !== 'PATCH') return undefined;
      const session = sessionOf(request);
      const all = Buffer.concat([registry.contents.uploads.get(session) as Buffer, await request.body()]);
      registry.contents.uploads.delete(session);
      registry.contents.store('acme/engine', descriptor.digest, all);
      response.writeHead(201).end();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    expect(registry.requests.filter(is('PUT'))).toHaveLength(1);
  });
});

describe('a limit on the size of requests', () => {
  it.each([5, 1, 0.3])('of %d MiB leads to chunks below it, for later blobs at once', async (limit) => {
    const registry = await scripted();
    refuseAbove(registry, limit * mebibyte);
    const repository = target(registry);
    await repository.push(descriptor, opens(blob));
    expectStored(registry);
    const before = registry.requests.length;
    const other = randomBytes(6 * mebibyte);
    await repository.push(descriptorOf(other), opens(other));
    const later = registry.requests.slice(before).filter(isSession);
    expect(later.filter(({ headers }) => Number(headers['content-length']) > limit * mebibyte)).toEqual([]);
  });

  it('is obeyed where it shows by a closed connection only', async () => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (!isSession(request) || Number(request.headers['content-length'] ?? 0) <= mebibyte) return undefined;
      response.socket?.resetAndDestroy();
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
  });

  it('and a least size of chunks are both obeyed', async () => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (request.method === 'POST') response.setHeader('oci-chunk-min-length', String(3 * mebibyte));
      return undefined;
    });
    refuseAbove(registry, 4 * mebibyte);
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
    const sizes = registry.requests
      .filter(is('PATCH'))
      .map(({ headers }) => Number(headers['content-length']));
    expect(sizes).toEqual([4, 4, 2].map((size) => size * mebibyte));
  });

  it('that no chunk can pass is an error', async () => {
    const registry = await scripted();
    refuseAbove(registry, 1000);
    await expect(target(registry).push(descriptor, opens(blob))).rejects.toMatchObject({
      details: { status: 413 },
      hint: expect.stringContaining('limits'),
    });
    expect(registry.requests.length).toBeLessThan(20);
  });

  it('is not taken for a fault of the session where the registry wants chunks', async () => {
    const registry = await scripted();
    registry.script(async (request, response) => {
      if (request.method !== 'PUT' || request.headers['content-length'] === '0') return undefined;
      await request.received();
      refuse(response, 405, 'UNSUPPORTED', 'send chunks');
      return 'handled';
    });
    await target(registry).push(descriptor, opens(blob));
    expectStored(registry);
  });
});

/** Loses the connection after so many bytes, at the first requests of a method. */
function cut(registry: ScriptedRegistry, method: string, bytes: readonly number[]): void {
  let at = 0;
  registry.script((request) => {
    const limit = request.method === method ? bytes[at++] : undefined;
    if (limit !== undefined) request.cutAfter(limit);
    return undefined;
  });
}

function refuseAbove(registry: ScriptedRegistry, limit: number): void {
  registry.script((request, response) => {
    if (!isSession(request) || Number(request.headers['content-length'] ?? 0) <= limit) return undefined;
    response.writeHead(413, { 'content-type': 'text/html' }).end('<html>413 Request Entity Too Large</html>');
    return 'handled';
  });
}

function sessionOf(request: RecordedRequest): string {
  return request.path.split('/').at(-1) as string;
}

function begun(registry: ScriptedRegistry): number {
  return registry.requests.filter(is('POST')).length;
}

function expectStored(registry: ScriptedRegistry): void {
  expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
}
