import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { descriptorOf, logins, read, scripted, target } from '../support/registry-client.js';
import { isBlob, sendSlowly } from '../support/registry-rate.js';

const mebi = 1024 * 1024;
const blobs = Array.from({ length: 12 }, () => randomBytes(2 * mebi));

async function withBlobs() {
  const registry = await scripted();
  for (const blob of blobs) registry.contents.addBlob(blob);
  return registry;
}

describe('what a host is asked at once', () => {
  it('C06 is bounded, with the bodies that are being read', async () => {
    const registry = await withBlobs();
    const sent = sendSlowly(registry, { pieceBytes: 256 * 1024 });
    const repository = target(registry, { limits: { requestsPerHost: 3 } });
    const read_ = await Promise.all(blobs.map((blob) => read(repository, descriptorOf(blob))));
    expect(read_.every((bytes, at) => blobs[at]?.equals(bytes))).toBe(true);
    expect(sent.most).toBe(3);
  });

  it('C06 is bounded for the host behind a redirect too', async () => {
    const [registry, elsewhere] = [await scripted(), await withBlobs()];
    const sent = sendSlowly(elsewhere, { pieceBytes: 512 * 1024 });
    registry.script((request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}${request.path}` }).end();
      return 'handled';
    });
    const repository = target(registry, { limits: { requestsPerHost: 2 } });
    await Promise.all(blobs.slice(0, 6).map((blob) => read(repository, descriptorOf(blob))));
    expect(sent.most).toBe(2);
  });

  it('nobody waits for readers who wait themselves', async () => {
    const registry = await withBlobs();
    const repository = target(registry, { limits: { requestsPerHost: 2 } });
    // All are opened before any is read, and the last is read first.
    const opened = [];
    for (const blob of blobs.slice(0, 4)) opened.push(await repository.fetch(descriptorOf(blob)));
    for (const [at, stream] of [...opened.entries()].reverse()) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(blobs[at] ?? Buffer.of())).toBe(true);
    }
  });

  it('C09 nobody waits for answers that stall while nobody reads them', async () => {
    const large = randomBytes(20 * mebi);
    const wanted = descriptorOf(large);
    const registry = await scripted();
    registry.contents.addBlob(large);
    registry.script(async (request, response, proper) => {
      if (!isBlob(request) || request.headers.range !== undefined) return undefined;
      const answer = await proper();
      response.writeHead(200, answer?.headers);
      // So slow at first that ranges are asked for, then just enough that their reader waits for them, and nothing more.
      response.write(large.subarray(0, 1000));
      await delay(300);
      response.write(large.subarray(1000, 2000));
      await delay(50);
      response.write(large.subarray(2000, 4 * mebi + 100_000));
      return 'handled';
    });
    const repository = target(registry, { limits: { requestsPerHost: 3, slowMs: 100 } });
    const all = await Promise.all([1, 2, 3].map(() => read(repository, wanted)));
    expect(all.every((bytes) => bytes.equals(large))).toBe(true);
  });

  it('a token is had although every place is taken', async () => {
    const registry = await withBlobs();
    registry.script((request, response) => {
      if (request.path === '/token') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"token":"t","expires_in":1}');
        return 'handled';
      }
      if (request.headers.authorization === 'Bearer t') return undefined;
      const realm = `Bearer realm="${registry.url}/token",service="s"`;
      response.writeHead(401, { 'www-authenticate': realm }).end();
      return 'handled';
    });
    const repository = target(registry, {
      limits: { requestsPerHost: 1 },
      credentials: logins({ [registry.host]: 'me:secret' }),
    });
    const held = await repository.fetch(descriptorOf(blobs[0] as Buffer));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await repository.exists(descriptorOf(blobs[1] as Buffer))).toBe(true);
    await held[Symbol.asyncIterator]().return?.();
  });

  it('an answer that is given up makes room', async () => {
    const registry = await withBlobs();
    const repository = target(registry, { limits: { requestsPerHost: 1 } });
    for (const blob of blobs) {
      for await (const _chunk of await repository.fetch(descriptorOf(blob))) break;
    }
    await expect(repository.fetch(descriptorOf(Buffer.from('not there')))).rejects.toThrow('404');
    expect(await repository.exists(descriptorOf(blobs[0] as Buffer))).toBe(true);
  });

  it('a request whose connection is lost makes room', async () => {
    const registry = await withBlobs();
    registry.scriptTimes(2, isBlob, (_request, response) => void response.destroy());
    const repository = target(registry, { plainHttp: () => true, limits: { requestsPerHost: 1 } });
    const read_ = await read(repository, descriptorOf(blobs[0] as Buffer));
    expect(read_.equals(blobs[0] as Buffer)).toBe(true);
    expect(registry.requests.filter(isBlob)).toHaveLength(3);
  }, 20_000);

  it('who is abandoned while waiting gives the place to the next', async () => {
    const registry = await withBlobs();
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    registry.script(async (request) => {
      if (isBlob(request)) await answered;
      return undefined;
    });
    const repository = target(registry, { plainHttp: () => true, limits: { requestsPerHost: 1 } });
    const [one, two, three] = blobs.map((blob) => descriptorOf(blob));
    if (one === undefined || two === undefined || three === undefined) throw new Error('no blobs');
    const first = read(repository, one);
    await expect.poll(() => registry.requests.filter(isBlob).length).toBe(1);
    const stop = new AbortController();
    const second = repository.fetch(two, { signal: stop.signal });
    const third = read(repository, three);
    // Time to come to stand in the line; nothing outside tells that they do.
    await delay(100);
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    answer();
    await Promise.all([first, third]);
    expect(registry.requests.filter(isBlob)).toHaveLength(2);
  }, 20_000);
});

describe('the retries that a host gets', () => {
  it('C06 are bounded for all requests together', async () => {
    const registry = await scripted();
    registry.script((_request, response) => {
      response.writeHead(503).end();
      return 'handled';
    });
    const repository = target(registry, { limits: { retriesPerHost: 6 } });
    const asked = await Promise.allSettled(blobs.map((blob) => repository.exists(descriptorOf(blob))));
    for (const { status, reason } of asked as PromiseRejectedResult[]) {
      expect(status).toBe('rejected');
      expect(reason).toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    }
    expect(registry.requests).toHaveLength(blobs.length + 6);
  });

  it('C06 are not more after an hour of silence', async () => {
    let later = 0;
    const { now } = performance;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + later);
    onTestFinished(() => clock.mockRestore());
    const registry = await withBlobs();
    const repository = target(registry, { limits: { retriesPerHost: 6 } });
    expect(await repository.exists(descriptorOf(blobs[0] as Buffer))).toBe(true);
    later = 3_600_000;
    registry.script((_request, response) => {
      response.writeHead(503).end();
      return 'handled';
    });
    const before = registry.requests.length;
    await Promise.allSettled(blobs.map((blob) => repository.exists(descriptorOf(blob))));
    expect(registry.requests.length - before).toBe(blobs.length + 6);
  });

  it('C07 are bounded for lost connections too, and come back with what succeeds', async () => {
    const registry = await withBlobs();
    let lost = 0;
    registry.script((request, response) => {
      if (lost > 0 || !isBlob(request)) return undefined;
      response.destroy();
      return 'handled';
    });
    const repository = target(registry, { plainHttp: () => true, limits: { retriesPerHost: 3, tries: 9 } });
    const wanted = descriptorOf(blobs[0] as Buffer);
    await expect(read(repository, wanted)).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(registry.requests).toHaveLength(4);
    lost = 1;
    expect((await read(repository, wanted)).byteLength).toBe(wanted.size);

    const other = await withBlobs();
    const patient = target(other, { limits: { retriesPerHost: 2 } });
    for (let round = 0; round < 5; round++) {
      other.scriptTimes(
        2,
        () => true,
        (_request, response) => void response.writeHead(503).end(),
      );
      expect(await patient.exists(wanted)).toBe(true);
    }
  });

  it('C06 are those of the host that fails, not of the one that led to it', async () => {
    const [registry, elsewhere] = [await withBlobs(), await scripted()];
    elsewhere.script((_request, response) => {
      response.writeHead(503).end();
      return 'handled';
    });
    registry.script((request, response) => {
      if (!isBlob(request)) return undefined;
      response.writeHead(307, { location: `${elsewhere.url}/x` }).end();
      return 'handled';
    });
    const repository = target(registry, { limits: { retriesPerHost: 2 } });
    const wanted = descriptorOf(blobs[0] as Buffer);
    await expect(read(repository, wanted)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    expect(elsewhere.requests).toHaveLength(3);
    registry.scriptTimes(
      2,
      ({ method }) => method === 'HEAD',
      (_request, response) => void response.writeHead(503).end(),
    );
    expect(await repository.exists(wanted)).toBe(true);
  });

  it('C06 what the host behind a redirect asks for holds for all who are led there', async () => {
    const [registry, elsewhere] = [await scripted(), await withBlobs()];
    registry.script((request, response) => {
      response.writeHead(307, { location: `${elsewhere.url}${request.path}` }).end();
      return 'handled';
    });
    elsewhere.scriptTimes(
      1,
      () => true,
      (_request, response) => void response.writeHead(429, { 'retry-after': '1' }).end(),
    );
    const repository = target(registry);
    const [one, two] = [descriptorOf(blobs[0] as Buffer), descriptorOf(blobs[1] as Buffer)];
    const first = read(repository, one);
    await expect.poll(() => elsewhere.requests.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = read(repository, two);
    await expect.poll(() => registry.requests.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(elsewhere.requests).toHaveLength(1);
    await Promise.all([first, second]);
    expect(elsewhere.requests).toHaveLength(3);
  });
});
