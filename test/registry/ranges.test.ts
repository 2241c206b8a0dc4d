import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Beginning } from '../../src/content/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { descriptorOf, logins, opens, scripted, target } from '../support/registry-client.js';
import { isBlob, rangesOf, sendSlowly } from '../support/registry-rate.js';

const mebi = 1024 * 1024;
const big = randomBytes(20 * mebi + 77);
const descriptor = descriptorOf(big);
/** A client that loses its patience with a slow download almost at once. */
const impatient = { limits: { slowMs: 15 } };

async function withBlob(bytes: Buffer): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addBlob(bytes);
  return registry;
}

async function readAll(from: ReturnType<typeof target>, wanted = descriptor, beginning?: Beginning) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await from.fetch(wanted, { beginning })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function beginningOf(bytes: Buffer, size = bytes.byteLength): Beginning {
  return { size, open: opens(bytes, 1000) };
}

/** The ends of the ranges that were asked for, but for those to the end of the blob. */
function pieces(registry: ScriptedRegistry): [number, number][] {
  return rangesOf(registry).flatMap((range) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    return last === undefined ? [] : [[Number(first), Number(last)] as [number, number]];
  });
}

describe('a slow download', () => {
  it('is fetched by several requests side by side, in order and whole', async () => {
    const registry = await withBlob(big);
    const sent = sendSlowly(registry, { pieceBytes: 128 * 1024 });
    expect((await readAll(target(registry, impatient))).equals(big)).toBe(true);
    expect(pieces(registry).length).toBeGreaterThanOrEqual(3);
    expect(sent.most).toBeGreaterThanOrEqual(3);
    const [, ...ranges] = registry.requests.filter(isBlob);
    // Never glued together from different entities.
    for (const { headers } of ranges) expect(headers['if-range']).toBe(`"${descriptor.digest}"`);
    const twice = sent.bytes.reduce((sum, bytes) => sum + bytes, 0) - big.byteLength;
    expect(twice).toBeLessThan(2 * mebi);
  });

  it('is one request where it is not slow', async () => {
    const registry = await withBlob(big);
    expect((await readAll(target(registry))).equals(big)).toBe(true);
    expect(rangesOf(registry)).toEqual([undefined]);
  });

  it('keeps a bounded number of pieces for a reader who does not read on', async () => {
    const large = randomBytes(48 * mebi);
    const registry = await withBlob(large);
    const sent = sendSlowly(registry, { pieceBytes: 256 * 1024 });
    const stream = (await target(registry, impatient).fetch(descriptorOf(large)))[Symbol.asyncIterator]();
    while (pieces(registry).length === 0) await stream.next();
    for (let before = -1; before !== total(sent.bytes); ) {
      before = total(sent.bytes);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(total(sent.bytes)).toBeLessThan(30 * mebi);
    await stream.return?.();
    await expect.poll(() => sent.now).toBe(0);
  });

  it.each([
    ['the whole', 200, {}],
    ['another range', 206, { 'content-range': `bytes 5-9/${big.byteLength}` }],
    ['another size', 206, { 'content-range': `bytes 5-9/1` }],
    ['another ETag', 206, { etag: '"other"' }],
    ['416', 416, {}],
    ['a refusal', 404, {}],
  ])('C08 stays one request where a range is answered with %s', async (_what, status, headers) => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    registry.script(async (request, response, proper) => {
      if (!isBlob(request) || request.headers.range === undefined) return undefined;
      const proper_ = await proper();
      response.writeHead(status, { ...proper_?.headers, 'content-length': 10, ...headers }).end('0123456789');
      return 'handled';
    });
    expect((await readAll(target(registry, impatient))).equals(big)).toBe(true);
    const asked = rangesOf(registry);
    expect(asked.filter((range) => range === undefined)).toHaveLength(1);
    // Those that were under way when the first was refused; none after.
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it.each([
    ['tells how long it is', { 'content-length': 1e12 }],
    ['does not', {}],
  ])('C09 a piece that goes on after its end is not read on, where it %s', async (_what, length) => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    let endless = 0;
    registry.script(async (request, response, proper) => {
      if (!isBlob(request) || !/^bytes=\d+-\d+$/.test(request.headers.range ?? '')) return undefined;
      const answer = await proper();
      const { 'content-length': _length, ...headers } = answer?.headers ?? {};
      response.writeHead(206, { ...headers, ...length });
      // In one piece with what is beyond the end.
      response.write(Buffer.concat([answer?.body ?? Buffer.alloc(0), Buffer.alloc(30_000)]));
      const more = setInterval(() => {
        endless += mebi;
        response.write(Buffer.alloc(mebi));
      }, 2);
      response.once('close', () => clearInterval(more));
      return 'handled';
    });
    expect((await readAll(target(registry, impatient))).equals(big)).toBe(true);
    expect(endless).toBeLessThan(64 * mebi);
  });

  it('C08 a piece that lies is found by the digest', async () => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    let lies = 0;
    registry.script(async (request, response, proper) => {
      if (!isBlob(request) || !/^bytes=\d+-\d+$/.test(request.headers.range ?? '') || lies++ > 0)
        return undefined;
      const answer = await proper();
      const body = Buffer.alloc(answer?.body.byteLength ?? 0, 'x');
      response.writeHead(206, answer?.headers).end(body);
      return 'handled';
    });
    await expect(readAll(target(registry, impatient))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('C07 pieces that break off are resumed, each by itself', async () => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    let cuts = 0;
    registry.script(async (request, response, proper) => {
      if (!isBlob(request) || request.headers.range === undefined || cuts >= 6) return undefined;
      const answer = await proper();
      if (answer === undefined) return 'handled';
      cuts++;
      response.writeHead(answer.status, answer.headers);
      response.write(answer.body.subarray(0, Math.floor(answer.body.byteLength / 2)), () =>
        response.destroy(),
      );
      return 'handled';
    });
    expect((await readAll(target(registry, impatient))).equals(big)).toBe(true);
    expect(cuts).toBe(6);
    expect(rangesOf(registry).filter((range) => range === undefined)).toHaveLength(1);
  });

  it('C07 goes on alone where pieces cannot be had, and asks for what is missing only', async () => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    let given = 0;
    registry.script((request, response) => {
      if (!isBlob(request) || !/^bytes=\d+-\d+$/.test(request.headers.range ?? '') || given++ < 1)
        return undefined;
      response.destroy();
      return 'handled';
    });
    expect((await readAll(target(registry, { limits: { slowMs: 15, tries: 2 } }))).equals(big)).toBe(true);
    expect(rangesOf(registry).filter((range) => range === undefined)).toHaveLength(1);
    expect(rangesOf(registry).some((range) => /^bytes=\d+-$/.test(range ?? ''))).toBe(true);
  });

  it('C07 a piece that never moves on is given up within the tries', async () => {
    const registry = await withBlob(big);
    sendSlowly(registry, { pieceBytes: 256 * 1024 });
    const asked = new Map<string, number>();
    registry.script(async (request, response, proper) => {
      const { range = '' } = request.headers;
      if (!isBlob(request) || !/^bytes=\d+-\d+$/.test(range)) return undefined;
      const count = (asked.get(range) ?? 0) + 1;
      asked.set(range, count);
      if (count > 4) return undefined;
      response.writeHead(206, (await proper())?.headers).flushHeaders();
      setTimeout(() => response.destroy(), 5);
      return 'handled';
    });
    expect((await readAll(target(registry, { limits: { slowMs: 15, tries: 2 } }))).equals(big)).toBe(true);
    expect(Math.max(...asked.values())).toBe(2);
  });

  it('C03 asks the registry for each piece, and shows the login to nobody else', async () => {
    const [registry, elsewhere] = [await withBlob(big), await withBlob(big)];
    sendSlowly(elsewhere, { pieceBytes: 256 * 1024 });
    registry.script((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return 'handled';
      }
      if (!isBlob(request)) return undefined;
      response.writeHead(307, { location: `${elsewhere.url}${request.path}?signed=1` }).end();
      return 'handled';
    });
    const repository = target(registry, {
      ...impatient,
      credentials: logins({ [registry.host]: 'me:secret' }),
    });
    expect((await readAll(repository)).equals(big)).toBe(true);
    expect(pieces(elsewhere).length).toBeGreaterThanOrEqual(3);
    for (const { headers } of elsewhere.requests) expect(headers.authorization).toBeUndefined();
  });

  it('can be abandoned from outside', async () => {
    const registry = await withBlob(big);
    const sent = sendSlowly(registry, { pieceBytes: 64 * 1024 });
    const stop = new AbortController();
    const reading = (async () => {
      const stream = await target(registry, impatient).fetch(descriptor, { signal: stop.signal });
      for await (const _chunk of stream) if (pieces(registry).length > 0) stop.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
    await expect.poll(() => sent.now).toBe(0);
  });
});

describe('a download with a beginning', () => {
  const blob = big.subarray(0, 3 * mebi);
  const wanted = descriptorOf(blob);

  it('C07 asks for the rest only', async () => {
    const registry = await withBlob(blob);
    for (const size of [1, 1000, mebi, blob.byteLength - 1]) {
      const beginning = beginningOf(blob.subarray(0, size));
      expect((await readAll(target(registry), wanted, beginning)).equals(blob)).toBe(true);
      expect(rangesOf(registry).at(-1)).toBe(`bytes=${size}-`);
    }
  });

  it('C07 asks for nothing where all of it is there', async () => {
    const registry = await withBlob(blob);
    expect((await readAll(target(registry), wanted, beginningOf(blob))).equals(blob)).toBe(true);
    expect(registry.requests).toEqual([]);
  });

  it('C07 takes less than it was told', async () => {
    const registry = await withBlob(blob);
    const beginning = beginningOf(blob.subarray(0, 5000), 9000);
    expect((await readAll(target(registry), wanted, beginning)).equals(blob)).toBe(true);
    expect(rangesOf(registry)).toEqual(['bytes=9000-', 'bytes=5000-']);
  });

  it('C07 says at once that the blob is not there, or the registry', async () => {
    const registry = await scripted();
    const beginning = beginningOf(blob.subarray(0, mebi));
    await expect(target(registry).fetch(wanted, { beginning })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    });
  });

  it('C08 does not use one that is longer than the blob', async () => {
    const registry = await withBlob(blob);
    const beginning = beginningOf(Buffer.concat([blob, Buffer.from('x')]));
    expect((await readAll(target(registry), wanted, beginning)).equals(blob)).toBe(true);
    expect(rangesOf(registry)).toEqual([undefined]);
  });

  it.each(['with ranges', 'without ranges'])('C08 never passes a wrong one for right (%s)', async (how) => {
    const registry = await withBlob(blob);
    if (how === 'without ranges') ignoreRanges(registry);
    for (const at of [0, 70_000, mebi - 1]) {
      const beginning = Buffer.from(blob.subarray(0, mebi));
      beginning[at] = (beginning[at] ?? 0) ^ 1;
      await expect(readAll(target(registry), wanted, beginningOf(beginning))).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
    }
  });

  it('C08 reads the whole where the server gives no ranges, and passes nothing on twice', async () => {
    const registry = await withBlob(blob);
    ignoreRanges(registry);
    const beginning = beginningOf(blob.subarray(0, mebi));
    expect((await readAll(target(registry), wanted, beginning)).equals(blob)).toBe(true);
  });

  it('C07 is made whole wherever it is cut, and however often', async () => {
    const small = big.subarray(0, 600);
    const registry = await withBlob(small);
    const repository = target(registry);
    // Every pair of cuts with the same step, so that each byte is once the last before a cut.
    for (let step = 1; step < small.byteLength; step += 7) {
      registry.scriptTimes(2, isBlob, async (request, response) => {
        const first = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
        const rest = small.subarray(first);
        response.writeHead(first === 0 ? 200 : 206, {
          'content-length': rest.byteLength,
          'content-range': `bytes ${first}-${small.byteLength - 1}/${small.byteLength}`,
        });
        response.write(rest.subarray(0, step));
        response.socket?.end();
      });
      const size = step % 50;
      const beginning = size === 0 ? undefined : beginningOf(small.subarray(0, size));
      expect((await readAll(repository, descriptorOf(small), beginning)).equals(small)).toBe(true);
    }
  });

  it('ends its connection when the reader stops within the beginning', async () => {
    const registry = await withBlob(blob);
    const sent = sendSlowly(registry, { pieceBytes: 1000 });
    const beginning = beginningOf(blob.subarray(0, mebi));
    for await (const _chunk of await target(registry).fetch(wanted, { beginning })) break;
    await expect.poll(() => sent.now).toBe(0);
    expect(rangesOf(registry)).toHaveLength(1);
  });
});

function ignoreRanges(registry: ScriptedRegistry): void {
  registry.script((request, response) => {
    if (!isBlob(request)) return undefined;
    const blob = [...registry.contents.blobs.values()][0] ?? Buffer.alloc(0);
    response.writeHead(200, { 'content-length': blob.byteLength }).end(blob);
    return 'handled';
  });
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((sum, each) => sum + each, 0);
}
