import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, manifestBytes, read, scripted, target } from '../support/registry-client.js';
import { answering, blob, descriptor, isBlob, withBlob } from './downloading.js';

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
});

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

function ranges(registry: ScriptedRegistry): (string | undefined)[] {
  return registry.requests.filter(isRange).map(({ headers }) => headers.range);
}
