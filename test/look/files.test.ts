import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composeTree } from '../../src/layer/index.js';
import { type ImageFile, listFiles, openFile } from '../../src/look/index.js';
import { digestOf } from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { imageOf, type LayeredImage } from '../support/layers.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { applyArchive, treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

/** What an install would make of archives, in the form of `treeOf`. */
async function installed(archives: readonly (readonly Buffer[])[]): Promise<Record<string, string>> {
  const layers = await Promise.all(
    archives.map(async (parts) => {
      const { root, applied } = await applyArchive(archive(...parts), { externalLinks: 'inert' });
      return { root, ...applied };
    }),
  );
  const root = join(temporaryDirectory(), 'tree');
  mkdirSync(root);
  await composeTree(layers, root, { externalLinks: 'inert' });
  return treeOf(root);
}

/** What is listed, in the form of `treeOf`: the content of each file is read too. */
async function listed(image: LayeredImage): Promise<Record<string, string>> {
  const temporary = temporaryDirectory();
  const described = async ({ path, kind, mode, size, target = '' }: ImageFile): Promise<[string, string]> => {
    if (kind === 'symlink') return [path, `symlink ${target}`];
    if (kind === 'directory') return [path, `directory ${mode.toString(8)}`];
    const opened = await openFile(path, { ...image, temporary });
    const content = Buffer.concat([...opened.pieces()]);
    opened.close();
    return [path, `file ${mode.toString(8)} ${digestOf(content).slice(7, 23)} ${size}`];
  };
  const files = await listFiles('', 'all', image);
  const described_ = await Promise.all(files.map(described));
  return Object.fromEntries(described_.sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('the files of an image', () => {
  it('A15 A16 are those that an install makes, with their content, whatever the layers', {
    timeout: fuzzTimeout,
  }, async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const entry = fc.oneof(
      fc.record({ kind: fc.constant('file' as const), path, content: fc.string({ maxLength: 3 }) }),
      fc.record({ kind: fc.constant('directory' as const), path, content: fc.constant('') }),
      fc.record({ kind: fc.constant('symlink' as const), path, content: name }),
      fc.record({ kind: fc.constant('whiteout' as const), path, content: fc.constant('') }),
      fc.record({ kind: fc.constant('opaque' as const), path, content: fc.constant('') }),
    );
    const layer = fc.array(entry, { maxLength: 7 }).map((entries) => {
      const parts: Buffer[] = [];
      const taken = new Map<string, string>();
      for (const { kind, path: at, content } of entries) {
        const slash = at.lastIndexOf('/');
        const base = at.slice(slash + 1);
        const parent = at.slice(0, Math.max(slash, 0));
        const full =
          kind === 'whiteout'
            ? join(parent, `.wh.${base}`)
            : kind === 'opaque'
              ? join(at, '.wh..wh..opq')
              : at;
        const parents = full.split('/').map((_, end, all) => all.slice(0, end).join('/'));
        // What no layer can have is another test's.
        if (
          taken.has(full) ||
          parents.some((above) => !['', undefined, 'directory'].includes(taken.get(above)))
        )
          continue;
        if (kind !== 'whiteout' && kind !== 'opaque')
          for (const above of parents) if (above !== '') taken.set(above, 'directory');
        taken.set(full, kind);
        if (kind === 'directory') parts.push(directory(full));
        else if (kind === 'symlink') parts.push(symlink(full, content));
        else parts.push(file(full, content));
      }
      return parts;
    });
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (archives) => {
        expect(await listed(imageOf(...archives))).toEqual(await installed(archives));
      }),
      fuzzing(150),
    );
  });

  it('have their modes, sizes, layers and targets', async () => {
    const image = imageOf(
      [directory('d', { mode: 0o700 }), file('d/f', 'one', { mode: 0o4755 })],
      [file('g', 'four'), hardlink('h', 'g'), symlink('l', '../outside')],
    );
    const [low, high] = image.stored;
    expect(await listFiles('', 'all', image)).toEqual([
      { path: 'd', kind: 'directory', mode: 0o500, size: 0, layer: low?.descriptor },
      { path: 'd/f', kind: 'file', mode: 0o555, size: 3, layer: low?.descriptor },
      { path: 'g', kind: 'file', mode: 0o444, size: 4, layer: high?.descriptor },
      { path: 'h', kind: 'file', mode: 0o444, size: 4, layer: high?.descriptor },
      { path: 'l', kind: 'symlink', mode: 0o777, size: 0, layer: high?.descriptor, target: '../outside' },
    ]);
  });

  it('are listed of one directory, of one file, and through links', async () => {
    const image = imageOf([
      file('d/e/f', 'x'),
      file('d/g', 'x'),
      symlink('up', '/d/../d'),
      symlink('to', 'up/g'),
    ]);
    const paths = async (path: string, depth: 'one' | 'all' = 'one') =>
      (await listFiles(path, depth, image)).map((found) => found.path);
    expect(await paths('')).toEqual(['d', 'to', 'up']);
    expect(await paths('/d/')).toEqual(['d/e', 'd/g']);
    expect(await paths('./d', 'all')).toEqual(['d/e', 'd/e/f', 'd/g']);
    expect(await paths('up/e')).toEqual(['d/e/f']);
    expect(await paths('to')).toEqual(['d/g']);
  });

  it('B09 fetches a layer that is there twice once', async () => {
    const image = imageOf([file('a')], [file('b')]);
    const twice = { ...image, layers: [...image.layers, ...image.layers] };
    expect((await listFiles('', 'one', twice)).map(({ path }) => path)).toEqual(['a', 'b']);
    expect(image.fetched.toSorted()).toEqual([0, 1]);
  });

  it('keep the bytes of names', async () => {
    const image = imageOf([file(Buffer.from([0x61, 0xff])), file('ü')]);
    expect((await listFiles('', 'one', image)).map(({ path }) => path)).toEqual(['a\udcff', 'ü']);
  });
});
