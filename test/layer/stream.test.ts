import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import zlib, { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ByteStream, verified } from '../../src/content/index.js';
import { applyLayer } from '../../src/layer/index.js';
import { describe as descriptorOf, digestOf, mediaTypes } from '../../src/oci/index.js';
import { archive, directory, file, symlink } from '../support/tar-archive.js';
import {
  applyArchive,
  applyStored,
  inPieces,
  layerOf,
  refusal,
  type StoredLayer,
  treeOf,
} from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Since Node 22.15. */
const zstdCompress = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

const whole = archive(directory('d'), file('d/a', 'x'.repeat(5000)), file('b', 'y'), symlink('s', 'b'));
const members = (...parts: Buffer[]) => Buffer.concat(parts.map((part) => gzipSync(part)));
const stored = (bytes: Buffer, mediaType: string = mediaTypes.layerTarGzip): StoredLayer => ({
  bytes,
  descriptor: descriptorOf(mediaType, bytes),
  diffId: digestOf(whole),
});
const failureOf = (layer: StoredLayer, pieces?: number) =>
  applyStored(layer, pieces === undefined ? {} : { pieces }).then(
    () => 'taken',
    (error) => error.code,
  );

describe('compression', () => {
  it('A18 takes several gzip members as one stream, however they are cut and fed', async () => {
    const expected = treeOf((await applyArchive(whole)).root);
    for (const cut of [1, 100, 512, 1024, 5000, whole.length - 1]) {
      const bytes = members(whole.subarray(0, cut), whole.subarray(cut));
      for (const pieces of [1, 13, 4096]) {
        expect(treeOf((await applyStored(stored(bytes), { pieces })).root)).toEqual(expected);
      }
    }
    const withEmpty = members(Buffer.alloc(0), whole, Buffer.alloc(0));
    expect(treeOf((await applyStored(stored(withEmpty))).root)).toEqual(expected);
  });

  it('A18 feeds a member exactly at the end of a piece', async () => {
    const first = gzipSync(whole.subarray(0, 700));
    const bytes = Buffer.concat([first, gzipSync(whole.subarray(700))]);
    await applyStored(stored(bytes), { pieces: first.length });
  });

  it.each([
    ['one byte', Buffer.from('x')],
    ['a zero', Buffer.alloc(1)],
    ['many zeros', Buffer.alloc(100_000)],
    ['garbage', Buffer.from('garbage behind the end')],
    ['a plain archive', archive(file('late'))],
    ['half a gzip header', Buffer.from([0x1f, 0x8b, 8])],
    ['the first byte of a gzip header', Buffer.from([0x1f])],
    ['a member with an entry', gzipSync(archive(file('late')))],
    ['zeros and then a member', Buffer.concat([Buffer.alloc(512), gzipSync(archive(file('late')))])],
  ])('A19 rejects %s behind the last gzip member', async (_, trailer) => {
    const clean = gzipSync(whole);
    const bytes = Buffer.concat([clean, trailer]);
    for (const pieces of [1, clean.length, clean.length + 1, bytes.length]) {
      expect(await failureOf(stored(bytes), pieces)).toBe('LAYER_INVALID');
    }
  });

  it('A19 rejects gzip data that is cut at any byte', async () => {
    const bytes = gzipSync(whole);
    for (let length = 0; length < bytes.length; length++) {
      expect(await failureOf(stored(bytes.subarray(0, length)))).toBe('LAYER_INVALID');
    }
  });

  it('A19 rejects wrong checksums and lengths at the end of a gzip member', async () => {
    for (const fromEnd of [1, 5]) {
      const bytes = gzipSync(whole);
      bytes[bytes.length - fromEnd] = (bytes[bytes.length - fromEnd] as number) ^ 1;
      expect(await failureOf(stored(bytes))).toBe('LAYER_INVALID');
    }
    expect(await failureOf(stored(deflateRawSync(whole)))).toBe('LAYER_INVALID');
  });

  it('takes plain archives, of the media types of OCI and Docker', async () => {
    for (const type of [mediaTypes.layerTar, mediaTypes.dockerLayerTar]) {
      expect((await applyStored(stored(whole, type))).applied.entries).toBe(4);
    }
    expect((await applyStored(stored(gzipSync(whole), mediaTypes.dockerLayerGzip))).applied.entries).toBe(4);
  });

  it('B04 names what is missing for zstd where this Node has none, and reads it where it has', async () => {
    const compress = zstdCompress;
    if (compress === undefined) {
      const layer = stored(whole, mediaTypes.layerTarZstd);
      await expect(applyStored(layer)).rejects.toMatchObject({
        code: 'MEDIA_TYPE_UNSUPPORTED',
        message: expect.stringContaining('zstd'),
        hint: expect.stringContaining('22.15'),
      });
    } else {
      const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
      const parts = [0, 300, 700, 701].map((from, at, all) => compress(whole.subarray(from, all[at + 1])));
      const frames = Buffer.concat([...parts, skippable]);
      for (const bytes of [compress(whole), frames]) {
        for (const pieces of [1, 64, bytes.length]) {
          expect(
            (await applyStored(stored(bytes, mediaTypes.layerTarZstd), { pieces })).applied.entries,
          ).toBe(4);
        }
        expect(await failureOf(stored(bytes.subarray(0, -1), mediaTypes.layerTarZstd))).toBe('LAYER_INVALID');
        const trailing = Buffer.concat([bytes, Buffer.from('garbage')]);
        expect(await failureOf(stored(trailing, mediaTypes.layerTarZstd))).toBe('LAYER_INVALID');
      }
    }
  });

  it('B04 refuses media types that are no layer', async () => {
    for (const type of [
      'application/vnd.oci.image.config.v1+json',
      'text/plain',
      'application/vnd.oci.image.layer.v1.tar+xz',
    ]) {
      expect(await failureOf(stored(whole, type))).toBe('MEDIA_TYPE_UNSUPPORTED');
    }
  });
});

describe('limits', () => {
  it('A17 bounds entries, bytes and ratio', async () => {
    const many = archive(...Array.from({ length: 50 }, (_, at) => directory(`d${at}`)));
    expect((await refusal(many, { limits: { entries: 49 } })).code).toBe('LAYER_LIMIT');
    await applyArchive(many, { limits: { entries: 50 } });

    const big = archive(file('big', Buffer.alloc(100_000)));
    expect((await refusal(big, { limits: { bytes: 100_000 } })).code).toBe('LAYER_LIMIT');
    await applyArchive(big, { limits: { bytes: big.length } });
  });

  it('A17 rejects a gzip bomb by its ratio, before it is all unpacked', async () => {
    const size = 80 * 1024 * 1024;
    const bomb = archive(file('zeros', Buffer.alloc(size)));
    const error = await refusal(bomb);
    expect(error.code).toBe('LAYER_LIMIT');
    expect(error.path).toBe('zeros');
    await applyArchive(bomb, { limits: { ratio: 2000 } });
  });

  it.skipIf(zstdCompress === undefined)('A17 rejects a zstd bomb by its ratio', async () => {
    const bomb = zstdCompress?.(archive(file('zeros', Buffer.alloc(80 * 1024 * 1024)))) as Buffer;
    expect(bomb.length).toBeLessThan(100_000);
    expect(await failureOf(stored(bomb, mediaTypes.layerTarZstd))).toBe('LAYER_LIMIT');
  });

  it.skipIf(zstdCompress === undefined)('A19 rejects zstd that is cut off at any byte', async () => {
    const bytes = zstdCompress?.(whole) as Buffer;
    for (let length = 0; length < bytes.length; length++)
      expect([length, await failureOf(stored(bytes.subarray(0, length), mediaTypes.layerTarZstd))]).toEqual([
        length,
        'LAYER_INVALID',
      ]);
  });

  it('A17 rejects a bomb behind the end marker', async () => {
    const bomb = Buffer.concat([whole, Buffer.alloc(80 * 1024 * 1024)]);
    expect((await refusal(bomb)).code).toBe('LAYER_LIMIT');
  });

  it('A17 counts whiteouts as entries', async () => {
    const many = archive(...Array.from({ length: 10 }, (_, at) => file(`.wh.d${at}`)));
    expect((await refusal(many, { limits: { entries: 9 } })).code).toBe('LAYER_LIMIT');
  });
});

describe('digests', () => {
  it('B13 rejects a layer whose uncompressed digest is not the diffID', async () => {
    const layer = { ...layerOf(whole), diffId: digestOf('something else') };
    await expect(applyStored(layer)).rejects.toMatchObject({
      code: 'DIFFID_MISMATCH',
      details: { expected: layer.diffId, actual: digestOf(whole) },
    });
    await applyStored({ ...layerOf(whole), diffId: digestOf(whole, 'sha512') });
  });

  it('B13 covers the zeros behind the end marker', async () => {
    const layer = layerOf(Buffer.concat([whole, Buffer.alloc(512)]));
    await expect(applyStored({ ...layer, diffId: digestOf(whole) })).rejects.toMatchObject({
      code: 'DIFFID_MISMATCH',
    });
  });

  it('B01 calls damage on the way a wrong digest, although the archive breaks first', async () => {
    const { bytes, descriptor, diffId } = layerOf(whole);
    for (const at of [0, 2, 20, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0xff;
      expect(await failureOf({ bytes: damaged, descriptor, diffId }, 16)).toBe('DIGEST_MISMATCH');
    }
    expect(await failureOf({ bytes: bytes.subarray(0, -9), descriptor, diffId })).toBe('SIZE_MISMATCH');
    const longer = Buffer.concat([bytes, Buffer.from('x')]);
    expect(await failureOf({ bytes: longer, descriptor, diffId })).toBe('SIZE_MISMATCH');
  });

  it('B01 reads on to the end for it, when the archive breaks at its beginning', async () => {
    const large = archive(file('large', randomBytes(2_000_000)));
    for (const [type, compress] of [
      [mediaTypes.layerTar, (bytes: Buffer) => bytes],
      [mediaTypes.layerTarGzip, (bytes: Buffer) => gzipSync(bytes)],
    ] as const) {
      const descriptor = descriptorOf(type, compress(large));
      const damaged = Buffer.from(compress(large));
      damaged[1] = (damaged[1] as number) ^ 0xff;
      expect(await failureOf({ bytes: damaged, descriptor, diffId: digestOf(large) }, 4096)).toBe(
        'DIGEST_MISMATCH',
      );
    }
  });
});

describe('the source', () => {
  const watched = (bytes: Buffer, fail?: Error) => {
    const state = { closed: false, read: 0 };
    const stream: ByteStream = (async function* () {
      try {
        for await (const piece of inPieces(bytes, 1000)) {
          state.read += piece.length;
          yield piece;
        }
        if (fail) throw fail;
      } finally {
        state.closed = true;
      }
    })();
    return { state, stream };
  };
  const target = () => {
    const root = join(temporaryDirectory(), 'root');
    mkdirSync(root);
    return root;
  };

  it('is closed after an error, and not read on after one that says enough', async () => {
    const hostile = Buffer.concat([file('../x', ''), Buffer.alloc(3_000_000, 'x')]);
    const layer = { descriptor: descriptorOf(mediaTypes.layerTar, hostile), diffId: digestOf(hostile) };
    const { state, stream } = watched(hostile);
    await expect(applyLayer(stream, layer, target())).rejects.toMatchObject({ code: 'LAYER_UNSAFE' });
    expect(state.closed).toBe(true);
    expect(state.read).toBeLessThan(10_000);
  });

  it('has its own errors passed on', async () => {
    for (const layer of [layerOf(whole), stored(whole, mediaTypes.layerTar)]) {
      const { state, stream } = watched(layer.bytes, new Error('the network is gone'));
      await expect(applyLayer(stream, layer, target())).rejects.toThrow('the network is gone');
      expect(state.closed).toBe(true);
    }
  });

  it('is not read where the directory is not empty or not there', async () => {
    const layer = layerOf(whole);
    const root = target();
    writeFileSync(join(root, 'mine'), '');
    const { state, stream } = watched(layer.bytes);
    await expect(applyLayer(stream, layer, root)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
    expect(state.read).toBe(0);
    const missing = join(root, 'missing');
    await expect(applyLayer(inPieces(layer.bytes), layer, missing)).rejects.toMatchObject({
      code: 'PATH_NOT_FOUND',
    });
  });
});

it('A09 gives the same modes under any umask', async () => {
  const bytes = archive(
    directory('d'),
    file('d/run', 'x', { mode: 0o755 }),
    file('d/read', 'x'),
    file('private', 'x', { mode: 0o600 }),
    file('implied/f'),
  );
  const trees = [];
  for (const umask of [0o000, 0o022, 0o027, 0o077]) {
    const layer = layerOf(bytes);
    const root = join(temporaryDirectory(), 'root');
    mkdirSync(root);
    const before = process.umask(umask);
    try {
      await applyLayer(verified(inPieces(layer.bytes), layer.descriptor), layer, root);
    } finally {
      process.umask(before);
    }
    trees.push(treeOf(root));
  }
  for (const tree of trees) expect(tree).toEqual(trees[0]);
  expect(trees[0]).toMatchObject({ d: 'directory 555', implied: 'directory 555' });
  expect(trees[0]?.['d/run']).toMatch(/^file 555/);
  expect(trees[0]?.['d/read']).toMatch(/^file 444/);
  expect(trees[0]?.private).toMatch(/^file 400/);
});

it('lets others have their turn while it works, also where nothing has to be waited for', async () => {
  const bytes = archive(...Array.from({ length: 3000 }, (_, at) => file(`f${at}`, 'x'.repeat(900))));
  const layer = { bytes, descriptor: descriptorOf(mediaTypes.layerTar, bytes), diffId: digestOf(bytes) };
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await applyStored(layer, { pieces: 4096 });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});
