import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ByteStream } from '../../src/content/index.js';
import { UploadSource } from '../../src/registry/upload-source.js';
import { descriptorOf, opens } from '../support/registry-client.js';

const bytes = randomBytes(100_000);
const descriptor = descriptorOf(bytes);

describe('the parts of what is uploaded', () => {
  it('come one after the other from one opening, and again from another', async () => {
    let opened = 0;
    const source = new UploadSource(() => {
      opened++;
      return opens(bytes, 777)();
    }, descriptor);
    for (const [start, length, openings] of [
      [0, 1000, 1],
      [1000, 5, 1],
      [2000, 50_000, 1],
      [52_000, 48_000, 1],
      [1, 10, 2],
      [0, 100_000, 3],
      [100_000, 0, 3],
    ] as const) {
      const part = await all(await source.part(start, length));
      expect(part.equals(bytes.subarray(start, start + length))).toBe(true);
      expect([opened, source.reached]).toEqual([openings, start + length]);
    }
    source.close();
  });

  it('do not mix with one that is still being read', async () => {
    const source = new UploadSource(async () => slowly(await opens(bytes, 10_000)()), descriptor);
    const abandoned = (await source.part(0, bytes.byteLength))[Symbol.asyncIterator]();
    const first = abandoned.next();
    const part = all(await source.part(0, bytes.byteLength));
    await first.catch(() => undefined);
    expect((await part).equals(bytes)).toBe(true);
    source.close();
  });

  it('B01 give the last bytes only after all were verified, whatever pieces they come in', async () => {
    const wrong = Buffer.alloc(bytes.byteLength, 'x');
    const source = new UploadSource(
      async () =>
        (async function* () {
          yield wrong;
          yield Buffer.alloc(0);
        })(),
      descriptor,
    );
    await expect(all(await source.part(0, bytes.byteLength))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(source.reached).toBe(0);
  });

  it('end what they are read from', async () => {
    let ended = false;
    const source = new UploadSource(
      async () =>
        (async function* () {
          try {
            yield* await opens(bytes, 1000)();
          } finally {
            ended = true;
          }
        })(),
      descriptor,
    );
    await all(await source.part(0, 5000));
    source.close();
    await sleep(10);
    expect(ended).toBe(true);
  });
});

async function* slowly(stream: ByteStream) {
  for await (const piece of stream) {
    await sleep(2);
    yield piece;
  }
}

async function all(stream: ByteStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
