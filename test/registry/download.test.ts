import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import type { RegistryClientOptions } from '../../src/registry/index.js';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, manifestBytes, read, recorder, scripted, target } from '../support/registry-client.js';

const blob = randomBytes(300_000);
const descriptor = descriptorOf(blob);
const isBlob = ({ method, path }: RecordedRequest) => method === 'GET' && path.includes('/blobs/');
const isRange = (request: RecordedRequest) => isBlob(request) && request.headers.range !== undefined;

describe('a download', () => {
  it.each(['reset', 'end'] as const)('C07 is resumed from where it stood (%s)', async (how) => {
    const registry = await withBlob();
    cutting(registry, 1, 100_000, how);
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
    const [range] = ranges(registry);
    expect(range).toMatch(/^bytes=\d+-$/);
    expect(Number(range?.slice(6, -1))).toBeLessThanOrEqual(100_000);
  });

  it('C07 is resumed wherever it was cut', async () => {
    const small = randomBytes(40);
    const registry = await withBlob(small);
    const repository = target(registry);
    for (let at = 0; at < small.byteLength; at++) {
      registry.scriptTimes(1, isBlob, (_request, response) => sendPart(response, small, at, 'end'));
      expect((await read(repository, descriptorOf(small))).equals(small)).toBe(true);
    }
    expect(ranges(registry)).toEqual(Array.from({ length: 39 }, (_, at) => `bytes=${at + 1}-`));
  });

  it('C07 goes on as long as it makes progress, and ends when it makes none', async () => {
    const big = randomBytes(8 * 1024 * 1024);
    const registry = await withBlob(big);
    registry.script((request, response) => {
      if (!isBlob(request)) return undefined;
      const first = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const rest = big.subarray(first);
      response.writeHead(first === 0 ? 200 : 206, {
        'content-length': rest.byteLength,
        'content-range': `bytes ${first}-${big.byteLength - 1}/${big.byteLength}`,
      });
      if (rest.byteLength <= 1_200_000) response.end(rest);
      else response.write(rest.subarray(0, 1_200_000), () => setTimeout(() => response.destroy(), 20));
      return 'handled';
    });
    expect((await read(target(registry), descriptorOf(big))).equals(big)).toBe(true);
    expect(ranges(registry).length).toBeGreaterThanOrEqual(6);

    const stuck = await withBlob();
    cutting(stuck, 100, 0, 'reset');
    await expect(read(target(stuck), descriptor)).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(stuck.requests.length).toBeLessThanOrEqual(10);
  });

  it('C07 a cut manifest is made whole too', async () => {
    const registry = await scripted();
    const manifest = descriptorOf(manifestBytes, mediaTypes.imageManifest);
    registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes);
    registry.scriptTimes(
      1,
      ({ path }) => path.includes('/manifests/'),
      (_request, response) => sendPart(response, manifestBytes, 50, 'end'),
    );
    expect(await read(target(registry), manifest)).toEqual(manifestBytes);
  });

  it('C08 a server that ignores the range is read from the start, and nothing is passed on twice', async () => {
    const registry = await withBlob();
    cutting(registry, 1, 100_000, 'end');
    registry.script((request, response) => {
      if (!isRange(request)) return undefined;
      response.writeHead(200, { 'content-length': blob.byteLength }).end(blob);
      return 'handled';
    });
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
  });

  it.each([
    ['another start', 206, { 'content-range': `bytes 5-${blob.byteLength - 1}/${blob.byteLength}` }],
    ['another end', 206, { 'content-range': `bytes 100000-${blob.byteLength - 2}/${blob.byteLength}` }],
    ['another size', 206, { 'content-range': `bytes 100000-${blob.byteLength - 1}/${blob.byteLength + 1}` }],
    [
      'another length',
      206,
      {
        'content-range': `bytes 100000-${blob.byteLength - 1}/${blob.byteLength}`,
        'content-length': blob.byteLength - 100_001,
      },
    ],
    ['no Content-Range', 206, {}],
    ['several parts', 206, { 'content-type': 'multipart/byteranges; boundary=x' }],
    [
      'another ETag',
      206,
      { 'content-range': `bytes 100000-${blob.byteLength - 1}/${blob.byteLength}`, etag: '"other"' },
    ],
    [
      'the right range and another status',
      404,
      { 'content-range': `bytes 100000-${blob.byteLength - 1}/${blob.byteLength}` },
    ],
    ['416', 416, { 'content-range': 'bytes */5' }],
    ['501', 501, {}],
  ])('C08 an answer to the range with %s is not glued on', async (_what, status, headers) => {
    const registry = await withBlob();
    cutting(registry, 1, 100_000, 'end');
    const wrong = Buffer.alloc(200_000, 'x');
    registry.script((request, response) => {
      if (!isRange(request)) return undefined;
      response.writeHead(status, headers).end(wrong);
      return 'handled';
    });
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
    expect(registry.requests.filter((request) => isBlob(request) && !isRange(request))).toHaveLength(2);
  });

  it.each([
    ['strong', '"v1"', '"v1"'],
    ['weak', 'W/"v1"', undefined],
  ])('C08 the rest is asked for under a condition where the ETag is %s', async (_what, etag, condition) => {
    const registry = await withBlob();
    let isFirst = true;
    answering(registry, (response) => {
      const headers = { 'content-length': blob.byteLength, etag };
      if (!isFirst) {
        response.writeHead(200, headers).end(blob);
        return;
      }
      isFirst = false;
      response.writeHead(200, headers).write(blob.subarray(0, 100_000));
      response.socket?.end();
    });
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
    expect(registry.requests.filter(isRange).map(({ headers }) => headers['if-range'])).toEqual([condition]);
  });

  it('C08 a body that is another one when it is read again ends the download', async () => {
    const registry = await withBlob();
    cutting(registry, 1, 100_000, 'end');
    registry.script((request, response) => {
      if (!isRange(request)) return undefined;
      const other = Buffer.from(blob);
      other[10] = (other[10] ?? 0) ^ 1;
      response.writeHead(200, { 'content-length': other.byteLength }).end(other);
      return 'handled';
    });
    await expect(read(target(registry), descriptor)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('C08 right headers with wrong bytes are found by the digest', async () => {
    const registry = await withBlob();
    cutting(registry, 1, 100_000, 'end');
    registry.script((request, response) => {
      if (!isRange(request)) return undefined;
      const first = Number(/\d+/.exec(request.headers.range ?? '')?.[0]);
      response.writeHead(206, {
        'content-range': `bytes ${first}-${blob.byteLength - 1}/${blob.byteLength}`,
      });
      response.end(Buffer.alloc(blob.byteLength - first, 'x'));
      return 'handled';
    });
    await expect(read(target(registry), descriptor)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('C09 a length that says more than the descriptor is refused at once', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-length': blob.byteLength + 1 });
      response.end(Buffer.concat([blob, Buffer.from('x')]));
    });
    await expect(target(registry).fetch(descriptor)).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
      details: { expected: blob.byteLength, actual: blob.byteLength + 1 },
    });
  });

  it('C09 a length that says less, each time, ends with an error', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-length': 1000 }).end(blob.subarray(0, 1000));
    });
    await expect(read(target(registry), descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it("C09 a body that goes on after the descriptor's size is cut off there", async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200);
      response.write(blob);
      const timer = setInterval(() => response.write('more'), 5);
      response.once('close', () => clearInterval(timer));
    });
    await expect(read(target(registry), descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('C09 a body that is complete but does not end is taken', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200);
      response.write(blob);
    });
    const limits = { idleMs: 600_000 };
    expect((await read(target(registry, { limits }), descriptor)).equals(blob)).toBe(true);
  });

  it('C09 a body that stops is asked for again, and given up in the end', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-length': blob.byteLength });
      response.write(blob.subarray(0, 10));
    });
    const limits = { idleMs: 30, tries: 3 };
    await expect(read(target(registry, { limits }), descriptor)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(registry.requests.filter(isBlob).length).toBeGreaterThanOrEqual(3);
  });

  it('C09 a body that drips is given up, although it never stops', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-length': blob.byteLength });
      let at = 0;
      const timer = setInterval(() => response.write(blob.subarray(at, ++at)), 20);
      response.once('close', () => clearInterval(timer));
    });
    const limits = { idleMs: 200, tries: 2 };
    await expect(read(target(registry, { limits }), descriptor)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('a reader who takes time is not taken for a server that does', async () => {
    const registry = await withBlob();
    let size = 0;
    for await (const chunk of await target(registry, { limits: { idleMs: 60 } }).fetch(descriptor)) {
      if (size < 200_000) await new Promise((resolve) => setTimeout(resolve, 100));
      size += chunk.byteLength;
    }
    expect(size).toBe(blob.byteLength);
    expect(registry.requests.filter(isBlob)).toHaveLength(1);
  });

  it('B01 wrong bytes are not given as right', async () => {
    const registry = await withBlob();
    registry.contents.blobs.set(descriptor.digest, Buffer.alloc(blob.byteLength, 'x'));
    await expect(read(target(registry), descriptor)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('asks for bytes as they are, which nothing on the way may compress then', async () => {
    const registry = await withBlob();
    registry.script(async ({ headers, method }, response, proper) => {
      if (method !== 'GET' || headers['accept-encoding'] === 'identity') return undefined;
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync((await proper())?.body ?? ''));
      return 'handled';
    });
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
  });

  it('the length of what was compressed on the way is not taken for that of the content', async () => {
    const registry = await withBlob();
    registry.contents.addManifest('acme/engine', mediaTypes.imageManifest, manifestBytes, 'one');
    registry.script(async ({ method }, response, proper) => {
      if (method !== 'HEAD') return undefined;
      const headers = { ...(await proper())?.headers, 'content-length': 20, 'content-encoding': 'gzip' };
      response.writeHead(200, headers).end();
      return 'handled';
    });
    expect(await target(registry).exists(descriptor)).toBe(true);
    expect(await target(registry).resolve('one')).toEqual(
      descriptorOf(manifestBytes, mediaTypes.imageManifest),
    );
  });

  it('C09 the large remainder of an answer that is of no use is not read', async () => {
    const registry = await withBlob();
    const [length, piece] = [64 * 1024 * 1024, Buffer.alloc(1024 * 1024)];
    let sent = 0;
    let isOver = false;
    registry.scriptTimes(1, isBlob, (_request, response) => {
      response.once('close', () => {
        isOver = true;
      });
      response.writeHead(503, { 'content-length': length, 'retry-after': '0' });
      const more = () => {
        while (sent < length && !response.destroyed) {
          sent += piece.byteLength;
          if (!response.write(piece)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    expect((await read(target(registry), descriptor)).equals(blob)).toBe(true);
    await expect.poll(() => isOver).toBe(true);
    expect(sent).toBeLessThan(length / 2);
  });

  it('B06 the urls of a descriptor are not asked', async () => {
    const [registry, elsewhere] = [await withBlob(), await scripted()];
    elsewhere.contents.addBlob(blob);
    registry.contents.blobs.clear();
    const foreign = { ...descriptor, urls: [`${elsewhere.url}/v2/acme/engine/blobs/${descriptor.digest}`] };
    await expect(target(registry).fetch(foreign)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
    expect(elsewhere.requests).toEqual([]);
  });

  it('C12 a web page is named as what it is', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>');
    });
    await expect(target(registry).fetch(descriptor)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it('ends its connection when the reader stops, even before it began', async () => {
    const registry = await withBlob();
    let open = 0;
    answering(registry, (response) => {
      open++;
      response.once('close', () => open--);
      response.writeHead(200, { 'content-length': blob.byteLength });
      response.write(blob.subarray(0, 100));
    });
    const repository = target(registry);
    for await (const _chunk of await repository.fetch(descriptor)) break;
    await expect.poll(() => open).toBe(0);
    await (await repository.fetch(descriptor))[Symbol.asyncIterator]().return?.();
    await expect.poll(() => open).toBe(0);
    expect(registry.requests.filter(isBlob)).toHaveLength(2);
  });

  it('can be abandoned from outside, and is then not tried again', async () => {
    const registry = await withBlob();
    answering(registry, (response) => {
      response.writeHead(200, { 'content-length': blob.byteLength });
      response.write(blob.subarray(0, 100));
    });
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _chunk of await target(registry).fetch(descriptor, { signal: stop.signal }))
        stop.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(registry.requests).toHaveLength(1);
  });

  it('does not read ahead of its reader without bound', async () => {
    const registry = await withBlob();
    let written = 0;
    answering(registry, (response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      response.writeHead(200);
      const more = () => {
        while (written < 200) {
          written++;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const wanted = { ...descriptor, size: 200 * 1024 * 1024 };
    const stream = (await target(registry).fetch(wanted))[Symbol.asyncIterator]();
    await stream.next();
    for (let before = -1; before !== written; ) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(written).toBeLessThan(50);
    await stream.return?.();
  });
});

describe('pace', () => {
  it.each([
    ['in seconds', '0'],
    ['as a date', new Date(0).toUTCString()],
    ['absurd', '999999999999'],
    ['in no known form', 'whenever'],
    ['absent', undefined],
  ])('C06 a Retry-After that is %s leads to another try', async (_what, value) => {
    for (const status of [429, 503]) {
      const registry = await withBlob();
      busy(registry, 2, status, value);
      expect(await target(registry).exists(descriptor)).toBe(true);
      expect(registry.requests).toHaveLength(3);
    }
  });

  it('C06 is waited for as long as it says', async () => {
    const registry = await withBlob();
    busy(registry, 1, 429, '1');
    const { events, report } = recorder();
    const start = performance.now();
    await target(registry, { report }).exists(descriptor);
    // Not a measurement: a request that does not wait is answered by the same server in no time.
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(events).toEqual([{ type: 'waiting', what: expect.stringContaining(registry.host) }]);
  });

  it('C06 ends at once where more is asked than we wait', async () => {
    const registry = await withBlob();
    busy(registry, 9, 429, '3600');
    await expect(target(registry).exists(descriptor)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringContaining('3600 s'),
    });
    expect(registry.requests).toHaveLength(1);
  });

  it.each([
    [429, 'RATE_LIMITED'],
    [503, 'REGISTRY_UNAVAILABLE'],
  ])('C06 %s without end is given up as %s', async (status, code) => {
    const registry = await withBlob();
    busy(registry, 99, status, undefined);
    await expect(target(registry).exists(descriptor)).rejects.toMatchObject({ code });
    expect(registry.requests).toHaveLength(5);
  });

  it('C06 one answer holds back all requests to that host', async () => {
    const registry = await withBlob();
    const repository = target(registry);
    await repository.exists(descriptor);
    busy(registry, 1, 429, '1');
    const first = repository.exists(descriptor);
    await expect.poll(() => registry.requests.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const others = Array.from({ length: 4 }, () => repository.exists(descriptor));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(registry.requests).toHaveLength(2);
    await Promise.all([first, ...others]);
    expect(registry.requests).toHaveLength(7);
  });

  it('C07 a request whose connection is lost is sent again, and given up in the end', async () => {
    const registry = await withBlob();
    const lose = (_request: RecordedRequest, response: ServerResponse) => void response.destroy();
    registry.scriptTimes(2, () => true, lose);
    const repository = target(registry, { plainHttp: () => true });
    expect(await repository.exists(descriptor)).toBe(true);
    registry.scriptTimes(99, () => true, lose);
    await expect(repository.exists(descriptor)).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(registry.requests).toHaveLength(3 + 5);
  });

  it('C09 a server that does not answer is given up', async () => {
    const registry = await withBlob();
    registry.script(() => 'handled');
    const limits = { idleMs: 30, tries: 2 };
    await expect(target(registry, { limits }).exists(descriptor)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(registry.requests).toHaveLength(2);
  });

  it('says that nobody is there', async () => {
    const options: Partial<RegistryClientOptions> = { limits: { tries: 2 } };
    await expect(target({ host: '127.0.0.1:1' }, options).exists(descriptor)).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await expect(target({ host: 'no-such-host.invalid' }, options).exists(descriptor)).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });
});

async function withBlob(bytes: Buffer = blob): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addBlob(bytes);
  return registry;
}

/** Cuts the first so many downloads of the whole after `at` bytes, by a reset or by an early end of a right length. */
function cutting(registry: ScriptedRegistry, times: number, at: number, how: 'reset' | 'end'): void {
  registry.scriptTimes(times, isBlob, (_request, response) => sendPart(response, blob, at, how));
}

function sendPart(response: ServerResponse, bytes: Buffer, at: number, how: 'reset' | 'end'): void {
  response.writeHead(200, { 'content-length': bytes.byteLength, etag: '"first"' });
  if (at === 0) response.flushHeaders();
  else response.write(bytes.subarray(0, at));
  if (how === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 20);
  else response.socket?.end();
}

function answering(registry: ScriptedRegistry, answer: (response: ServerResponse) => void): void {
  registry.script((request, response) => {
    if (!isBlob(request)) return undefined;
    answer(response);
    return 'handled';
  });
}

function busy(
  registry: ScriptedRegistry,
  times: number,
  status: number,
  retryAfter: string | undefined,
): void {
  registry.scriptTimes(
    times,
    () => true,
    (_request, response) => {
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      response.writeHead(status).end();
    },
  );
}

function ranges(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests.filter(isRange).map(({ headers }) => headers.range);
}
