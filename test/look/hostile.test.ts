import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { verified } from '../../src/content/index.js';
import { listLayer, NameBudget } from '../../src/layer/index.js';
import { listFiles, openFile } from '../../src/look/index.js';
import { imageOf, imageOfLayers, type LayeredImage } from '../support/layers.js';
import { archive, directory, file, gnuLong, hardlink, header, pax, symlink } from '../support/tar-archive.js';
import { applyStored, inPieces, layerOf, type StoredLayer } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

const wanted = file('wanted', 'what is wanted comes first');

/** The code of the error that something ends with. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'taken',
    (error) => error.code,
  );
}

/** Expects that a layer is refused by listing and by reading, with the code that an install gives, and that nothing is written. */
async function expectRefused(layer: StoredLayer, limits: LayeredImage['limits'] = {}): Promise<string> {
  const temporary = temporaryDirectory();
  const image = { ...imageOfLayers([layer]), limits };
  const code = await codeOf(applyStored(layer, { limits }));
  expect(code).toMatch(/^LAYER_/);
  expect(await codeOf(listFiles('', 'all', image))).toBe(code);
  expect(await codeOf(openFile('wanted', { ...image, temporary }))).toBe(code);
  expect(readdirSync(temporary)).toEqual([]);
  return code;
}

describe('a hostile layer is refused as by an install, where it is only looked at', () => {
  it.each<[string, Buffer[]]>([
    ['A01 a name that climbs', [file('../x')]],
    ['A02 an absolute name', [file('/x')]],
    ['A03 a control character', [file('a\x1b[31m')]],
    ['A05 an entry through a link', [symlink('a', '/etc'), file('a/passwd')]],
    ['A06 a hard link to a link', [symlink('a', '/etc/passwd'), hardlink('b', 'a')]],
    ['A08 a device', [header({ name: 'dev', type: '3' })]],
    ['A10 a size that is negative', [header({ name: 'x', size: Buffer.alloc(12, 0xff) })]],
    [
      'A10 a size that is huge',
      [header({ name: 'x', size: Buffer.from([0x80, 0x7f, ...Buffer.alloc(10, 0xff)]) })],
    ],
    ['A10 a size beyond the data', [header({ name: 'x', size: 5000 })]],
    ['A11 a sparse file', [header({ name: 'x', type: 'S' })]],
    ['A11 an unknown type', [header({ name: 'x', type: 'Z' })]],
    ['A12 a NUL in a pax name', [pax({ path: 'a\0b' }), file('x')]],
    ['A12 a pax size that contradicts', [pax({ size: '3' }), file('x', 'four')]],
    ['A12 two names', [pax({ path: 'a' }), gnuLong('L', 'b'), file('x')]],
    ['A12 a pax record over 1 MiB', [pax({ comment: 'x'.repeat(1024 * 1024) }), file('x')]],
    ['A13 a long name', [pax({ path: 'n'.repeat(256) }), file('x')]],
    ['A14 a name twice', [file('a'), file('a')]],
    ['A14 a directory in the place of a file', [file('a'), directory('a')]],
    ['A15 a malformed whiteout', [file('.wh..wh.x')]],
    ['A20 a wrong checksum', [file('x', '', { checksum: '000000\0 ' })]],
  ])('%s', async (_, parts) => {
    await expectRefused(layerOf(archive(wanted, ...parts)));
  });

  it('A17 bombs: bytes, ratio, entries', async () => {
    const zeros = file('zeros', Buffer.alloc(70 * 1024 * 1024));
    expect(await expectRefused(layerOf(archive(wanted, zeros)))).toBe('LAYER_LIMIT');
    const many = Array.from({ length: 50 }, (_, at) => file(`f${at}`));
    expect(await expectRefused(layerOf(archive(wanted, ...many)), { entries: 50 })).toBe('LAYER_LIMIT');
    expect(await expectRefused(layerOf(archive(wanted, ...many)), { bytes: 20_000 })).toBe('LAYER_LIMIT');
  });

  it('A17 names that fill the memory, in one layer and in all together', async () => {
    const layer = layerOf(
      archive(...Array.from({ length: 10 }, (_, at) => symlink(`l${at}`, 'x'.repeat(90)))),
    );
    const list = (budget: NameBudget) =>
      listLayer(verified(inPieces(layer.bytes), layer.descriptor), layer, { budget });
    const budget = new NameBudget(5000);
    await list(budget);
    expect(await codeOf(list(budget))).toBe('LAYER_LIMIT');
  });

  it('A19 bytes behind the end, a missing end, truncation', async () => {
    const whole = archive(wanted);
    await expectRefused(layerOf(whole, (bytes) => Buffer.concat([gzipSync(bytes), Buffer.from('more')])));
    await expectRefused(layerOf(Buffer.concat([whole, file('hidden', 'x')])));
    for (let length = 0; length < whole.length; length += 512)
      await expectRefused(layerOf(whole.subarray(0, length)));
  });

  it('A18 several gzip members are one stream', async () => {
    const layer = layerOf(archive(wanted), (bytes) =>
      Buffer.concat([gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))]),
    );
    expect((await listFiles('', 'one', imageOfLayers([layer]))).map(({ path }) => path)).toEqual(['wanted']);
  });

  it('A04 links that lead out are listed, and lead nowhere but into the image', async () => {
    const image = imageOf([symlink('etc', '/etc'), symlink('up', '../../../etc/passwd')]);
    expect((await listFiles('', 'one', image)).map(({ target }) => target)).toEqual([
      '/etc',
      '../../../etc/passwd',
    ]);
    const temporary = temporaryDirectory();
    for (const path of ['etc/passwd', 'up', '../../../../etc/passwd', '/etc/passwd'])
      expect(await codeOf(openFile(path, { ...image, temporary }))).toBe('PATH_NOT_FOUND');
  });
});
