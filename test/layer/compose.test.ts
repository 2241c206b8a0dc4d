import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ComposableLayer, type ComposeOptions, composeTree } from '../../src/layer/index.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { applyArchive, refusal, treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Applies archives, lowest first, and composes them; returns the root and its paths with kinds or content. */
async function compose(archives: Buffer[][], options?: ComposeOptions) {
  const layers: ComposableLayer[] = [];
  for (const parts of archives) {
    const { root, applied } = await applyArchive(archive(...parts), options ?? {});
    layers.push({ root, ...applied });
  }
  const root = join(temporaryDirectory(), 'tree');
  mkdirSync(root);
  await composeTree(layers, root, options);
  return { root, layers, tree: contentOf(root) };
}

function contentOf(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(root)).map(([path, kind]) => [
      path,
      kind.startsWith('file')
        ? readFileSync(join(root, Buffer.from(path, 'latin1').toString())).toString()
        : kind.replace(/ 5.*/, ''),
    ]),
  );
}

describe('whiteouts', () => {
  const base = [
    directory('a'),
    directory('a/b'),
    directory('a/b/c'),
    file('a/b/c/bar', 'bar'),
    file('a/x', 'x'),
    file('y', 'y'),
  ];

  it('A15 removes a file, a directory with all below, and a link, of lower layers', async () => {
    const { tree } = await compose([
      [...base, symlink('link', 'a')],
      [file('.wh.y'), file('a/.wh.b'), file('.wh.link')],
    ]);
    expect(tree).toEqual({ a: 'directory', 'a/x': 'x' });
  });

  it('A15 is not written into the tree of its layer', async () => {
    const { root, applied } = await applyArchive(
      archive(file('.wh.y'), file('a/.wh.b'), file('c/.wh..wh..opq'), file('.wh..wh..opq')),
    );
    expect(treeOf(root)).toEqual({});
    expect(applied).toMatchObject({ entries: 4, whiteouts: ['y', 'a/b'], opaques: ['c', ''] });
  });

  it.each([
    ['before', (whiteout: Buffer, entries: Buffer[]) => [whiteout, ...entries]],
    ['behind', (whiteout: Buffer, entries: Buffer[]) => [...entries, whiteout]],
  ])('A15 hides nothing of its own layer, %s the entries', async (_, order) => {
    const own = [directory('a'), directory('a/b'), directory('a/b/c'), file('a/b/c/foo', 'foo')];
    const expected = { a: 'directory', 'a/b': 'directory', 'a/b/c': 'directory', 'a/b/c/foo': 'foo', y: 'y' };
    expect((await compose([base, order(file('a/.wh..wh..opq'), own)])).tree).toEqual(expected);
    expect((await compose([base, order(file('a/.wh.b'), own)])).tree).toEqual({ ...expected, 'a/x': 'x' });
    expect((await compose([base, order(file('.wh.y'), [file('y', 'new')])])).tree.y).toBe('new');
  });

  it('A15 empties a directory by an opaque whiteout and keeps it; at the root likewise', async () => {
    expect((await compose([base, [file('a/.wh..wh..opq')]])).tree).toEqual({ a: 'directory', y: 'y' });
    expect((await compose([base, [file('.wh..wh..opq'), file('z', 'z')]])).tree).toEqual({ z: 'z' });
  });

  it('A15 acts on all lower layers and on no higher one', async () => {
    const { tree } = await compose([
      [file('f', '1'), file('d/one', '1')],
      [file('f', '2'), file('d/two', '2')],
      [file('.wh.f'), file('d/.wh..wh..opq')],
      [file('d/four', '4')],
    ]);
    expect(tree).toEqual({ d: 'directory', 'd/four': '4' });
    const back = await compose([[file('f', '1')], [file('.wh.f')], [file('f', '3')]]);
    expect(back.tree).toEqual({ f: '3' });
  });

  it('A15 takes a whiteout of something that is not there, or lies below a link, for nothing', async () => {
    const { tree } = await compose([
      [directory('real'), file('real/f', 'f'), symlink('link', 'real')],
      [file('link/.wh.f'), file('missing/.wh.x'), file('gone/.wh..wh..opq')],
    ]);
    expect(tree).toEqual({ link: 'symlink real', real: 'directory', 'real/f': 'f' });
  });

  it('A15 does not let a removed directory of a lower layer shine through a new one', async () => {
    const { tree } = await compose([[file('d/old', 'old')], [file('.wh.d')], [file('d/new', 'new')]]);
    expect(tree).toEqual({ d: 'directory', 'd/new': 'new' });
  });

  it('A15 keeps the bytes of names that are not UTF-8', async () => {
    const name = Buffer.from([0xff, 0xfe]);
    const { tree } = await compose([
      [file(name), file('f')],
      [file(Buffer.concat([Buffer.from('.wh.'), name]))],
    ]);
    expect(tree).toEqual({ f: '' });
  });

  it.each([
    '.wh.',
    'd/.wh.',
    '.wh..',
    '.wh...',
    '.wh..wh.',
    '.wh..wh.aufs',
    '.wh..wh..opq.x',
    '.wh..wh..opaque',
    '.wh.d/x',
    'a/.wh.d/x/y',
    '.wh..wh..opq/x',
    '.wh..wh.plnk/1',
  ])('A15 rejects the malformed whiteout %s', async (name) => {
    expect((await refusal(archive(file(name)))).code).toBe('LAYER_INVALID');
  });

  it('A15 rejects whiteouts that are no empty files', async () => {
    for (const part of [
      directory('.wh.d'),
      symlink('.wh.d', 'x'),
      Buffer.concat([file('f'), hardlink('.wh.d', 'f')]),
      directory('.wh..wh..opq'),
      file('.wh..wh..opq', 'content'),
    ]) {
      expect((await refusal(archive(part))).code).toBe('LAYER_INVALID');
    }
  });
});

describe('replacement', () => {
  it('A16 replaces a directory by a file, a file by a directory, and both by links and back', async () => {
    const { tree } = await compose([
      [
        file('dir-file/x', '1'),
        file('file-dir', '1'),
        file('dir-link/x', '1'),
        symlink('link-file', 'file-dir'),
        file('file-link', '1'),
      ],
      [
        file('dir-file', '2'),
        file('file-dir/x', '2'),
        symlink('dir-link', 'file-dir'),
        file('link-file', '2'),
        symlink('file-link', 'link-file'),
      ],
    ]);
    expect(tree).toEqual({
      'dir-file': '2',
      'dir-link': 'symlink file-dir',
      'file-dir': 'directory',
      'file-dir/x': '2',
      'file-link': 'symlink link-file',
      'link-file': '2',
    });
  });

  it('A16 puts a directory over a link without following it', async () => {
    const outside = temporaryDirectory();
    writeFileSync(join(outside, 'mine'), 'mine');
    const { tree } = await compose(
      [
        [symlink('d', outside), symlink('e', outside)],
        [directory('d'), file('d/mine', 'theirs'), file('e', 'e')],
      ],
      { externalLinks: 'inert' },
    );
    expect(tree).toEqual({ d: 'directory', 'd/mine': 'theirs', e: 'e' });
    expect(readFileSync(join(outside, 'mine'), 'utf8')).toBe('mine');
  });

  it('A16 forgets what a file in between replaced', async () => {
    const { tree } = await compose([[file('d/one', '1')], [file('d', '2')], [file('d/three', '3')]]);
    expect(tree).toEqual({ d: 'directory', 'd/three': '3' });
  });

  it('A16 merges directories, with the mode of the highest that has them', async () => {
    const { root, tree } = await compose([
      [directory('d', { mode: 0o755 }), file('d/one', '1'), directory('only', { mode: 0o711 })],
      [directory('d', { mode: 0o700 }), file('d/two', '2')],
    ]);
    expect(tree).toMatchObject({ 'd/one': '1', 'd/two': '2' });
    expect(lstatSync(join(root, 'd')).mode & 0o777).toBe(0o500);
    expect(lstatSync(join(root, 'only')).mode & 0o777).toBe(0o511);
  });

  it('A04 rejects a link that leaves the tree only by links of another layer', async () => {
    const layers = [
      [directory('deep/er'), symlink('link', 'deep/er/../../x')],
      [file('.wh.deep'), symlink('deep', '.')],
    ];
    await expect(compose(layers)).rejects.toMatchObject({ code: 'LAYER_UNSAFE' });
    expect((await compose(layers, { externalLinks: 'inert' })).tree).toEqual({
      deep: 'symlink .',
      link: 'symlink deep/er/../../x',
    });
  });

  it('A16 shares the files with the layers, read-only', async () => {
    const { root, layers } = await compose([[file('f', 'x', { mode: 0o777 }), hardlink('g', 'f')]]);
    const inode = lstatSync(join(layers[0]?.root as string, 'f')).ino;
    expect(lstatSync(join(root, 'f')).ino).toBe(inode);
    expect(lstatSync(join(root, 'g')).ino).toBe(inode);
    expect(lstatSync(join(root, 'f')).mode & 0o777).toBe(0o555);
  });

  it('refuses a directory that is not empty', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'mine'), '');
    await expect(composeTree([], root)).rejects.toMatchObject({ code: 'FILE_IN_THE_WAY' });
  });
});
