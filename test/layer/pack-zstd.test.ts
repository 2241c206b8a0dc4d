import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import zlib from 'node:zlib';
import { expect, it } from 'vitest';
import { packDirectory } from '../../src/layer/index.js';
import { digestOf, mediaTypes } from '../../src/oci/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const hasZstd = 'createZstdCompress' in zlib;

function content() {
  const root = temporaryDirectory();
  mkdirSync(`${root}/content`);
  // More than one frame.
  writeFileSync(`${root}/content/large`, Buffer.alloc(2_500_000, 'some text, again and again\n'));
  writeFileSync(`${root}/content/small`, 'small');
  return root;
}

it.runIf(hasZstd)('packs with zstd what the zstd tool reads, to the same bytes again', async () => {
  const root = content();
  const pack = (name: string) =>
    packDirectory(`${root}/content`, `${root}/${name}`, { externalLinks: 'reject', compression: 'zstd' });
  const one = await pack('one');
  expect((await pack('two')).descriptor).toEqual(one.descriptor);
  const bytes = readFileSync(`${root}/one`);
  expect(one.descriptor).toEqual({
    mediaType: mediaTypes.layerTarZstd,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const tar = execFileSync('zstd', ['-dc', `${root}/one`], { maxBuffer: 1 << 26 });
  expect(digestOf(tar)).toBe(one.diffId);
  const gzip = await packDirectory(`${root}/content`, `${root}/gzip`, { externalLinks: 'reject' });
  expect(gzip.diffId).toBe(one.diffId);
});

it.skipIf(hasZstd)('B04 says that this Node cannot pack with zstd, and leaves nothing', async () => {
  const root = content();
  const packed = packDirectory(`${root}/content`, `${root}/layer`, {
    externalLinks: 'reject',
    compression: 'zstd',
  });
  await expect(packed).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('22.15') });
  expect(readdirSync(root)).toEqual(['content']);
});
