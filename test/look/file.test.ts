import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/look/index.js';
import { imageOf, imageOfLayers, type LayeredImage } from '../support/layers.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { layerOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

async function contentOf(path: string, image: LayeredImage): Promise<string> {
  const opened = await openFile(path, { ...image, temporary: temporaryDirectory() });
  try {
    return Buffer.concat([...opened.pieces()]).toString();
  } finally {
    opened.close();
  }
}

async function refusalOf(path: string, image: LayeredImage) {
  return contentOf(path, image).then(
    (content) => Promise.reject(new Error(`it was read: ${content}`)),
    ({ code, message, hint }) => ({ code, message, hint }),
  );
}

describe('a file of an image', () => {
  it('comes from the highest layer that has it, and no layer below is fetched', async () => {
    const image = imageOf([file('d/f', 'old'), file('d/g', 'below')], [file('other')], [file('d/f', 'new')]);
    expect(await contentOf('d/f', image)).toBe('new');
    expect(image.fetched).toEqual([2]);
    image.fetched.length = 0;
    expect(await contentOf('/d/./g', image)).toBe('below');
    expect(image.fetched).toEqual([2, 1, 0]);
  });

  it.each([
    ['of it', [directory('d'), file('d/.wh.f')]],
    ['of its directory', [file('.wh.d')]],
    ['of all in its directory', [directory('d'), file('d/.wh..wh..opq')]],
    ['of everything', [file('.wh..wh..opq')]],
  ])('A15 is not there below a whiteout %s, and no layer below is fetched', async (_, parts) => {
    const image = imageOf([file('d/f', 'x')], parts);
    expect(await refusalOf('d/f', image)).toMatchObject({ code: 'PATH_NOT_FOUND' });
    expect(image.fetched).toEqual([1]);
  });

  it('A15 is not there where its directory was removed and made anew, and no layer below is fetched', async () => {
    const image = imageOf([file('d/old', 'x')], [file('.wh.d')], [file('d/new')]);
    expect(await refusalOf('d/old', image)).toMatchObject({ code: 'PATH_NOT_FOUND' });
    expect(image.fetched).toEqual([2, 1]);
  });

  it('A15 is found through a link below a whiteout that lies below the link', async () => {
    const image = imageOf([file('real/f', 'x'), symlink('link', 'real')], [file('link/.wh.f')]);
    expect(await contentOf('link/f', image)).toBe('x');
  });

  it('is found through links of all kinds, in whatever layer they are', async () => {
    const image = imageOf(
      [file('usr/bin/tool', 'tool'), symlink('bin', 'usr/bin'), symlink('abs', '/usr/bin/tool')],
      [symlink('usr/bin/same', './../bin/tool'), symlink('above', '../../../usr/bin/tool')],
      [
        symlink('again', 'bin/same'),
        file('usr/x', 'x'),
        hardlink('usr/hard', 'usr/x'),
        hardlink('usr/third', 'usr/hard'),
      ],
    );
    for (const path of ['bin/tool', 'abs', 'bin/same', 'above', 'again', 'usr/../bin/tool', '../../abs'])
      expect([path, await contentOf(path, image)]).toEqual([path, 'tool']);
    for (const path of ['usr/hard', 'usr/third']) expect(await contentOf(path, image)).toBe('x');
  });

  it('A07 is not looked for in a circle of links', async () => {
    const image = imageOf([symlink('a', 'b'), symlink('b', 'a'), symlink('self', 'self/x')]);
    for (const path of ['a', 'self', 'a/x']) {
      const refused = await refusalOf(path, image);
      expect(refused.code).toBe('PATH_NOT_FOUND');
      expect(refused.message).toContain('circle');
    }
  });

  it('is named where it is missing or no file, with a near name', async () => {
    const image = imageOf([file('bin/run.sh', 'x'), symlink('to', 'bin'), symlink('dangling', 'nowhere')]);
    expect(await refusalOf('bin/rnu.sh', image)).toMatchObject({
      code: 'PATH_NOT_FOUND',
      hint: 'Did you mean "bin/run.sh"?',
    });
    expect((await refusalOf('to', image)).message).toContain('directory');
    expect((await refusalOf('dangling', image)).message).toContain('nowhere');
    expect((await refusalOf('bin/run.sh/x', image)).message).toContain('is a file');
    expect((await refusalOf('', image)).message).toContain('directory');
  });

  it('is held in memory or in a file without a name, and is the same', async () => {
    const temporary = temporaryDirectory();
    for (const size of [0, 1, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, 20_000_000]) {
      const content = randomBytes(size);
      const image = imageOf([file('f', content)]);
      const opened = await openFile('f', { ...image, temporary });
      expect(readdirSync(temporary)).toEqual([]);
      expect(Buffer.concat([...opened.pieces()]).equals(content)).toBe(true);
      expect(opened.size).toBe(size);
      opened.close();
    }
  });

  it('B01 B13 is not given from a layer that is not what the image says', async () => {
    const good = layerOf(archive(file('f', 'content')));
    const other = layerOf(archive(file('f', 'another')));
    for (const [layer, code] of [
      [{ ...good, bytes: other.bytes }, 'DIGEST_MISMATCH'],
      [{ ...good, bytes: good.bytes.subarray(0, -1) }, 'SIZE_MISMATCH'],
      [{ ...good, diffId: other.diffId }, 'DIFFID_MISMATCH'],
    ] as const) {
      const descriptor = {
        ...layer.descriptor,
        size: code === 'SIZE_MISMATCH' ? layer.descriptor.size : layer.bytes.length,
      };
      expect((await refusalOf('f', imageOfLayers([{ ...layer, descriptor }]))).code).toBe(code);
    }
  });
});
