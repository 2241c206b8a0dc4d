import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import { descriptorOf, manifestBytes, read, scripted, target } from '../support/registry-client.js';
import { answering, blob, descriptor, isBlob, withBlob } from './downloading.js';

describe('what a server sends', () => {
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
