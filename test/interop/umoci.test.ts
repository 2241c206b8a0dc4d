import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLayout, type Layout, readImage, streamOf, verified } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { applyLayer, composeTree } from '../../src/layer/index.js';
import { buildImage, imageLayers } from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { peersMissing } from '../support/peers.js';
import { build, essence, fresh, items, packed } from '../support/random-tree.js';
import { archive, directory, file, hardlink, symlink } from '../support/tar-archive.js';
import { inPieces, layerOf, type StoredLayer } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Makes an image layout of layers, lowest first, tagged `1`. */
async function layoutOf(layers: readonly StoredLayer[]): Promise<Layout> {
  const layout = createLayout(join(temporaryDirectory(), 'layout'), ownerOf(process.pid));
  const platform = { os: 'linux', architecture: 'amd64' };
  const { config, manifest } = buildImage({ layers, platform, annotations: {}, createdBy: 'test' });
  for (const { descriptor, bytes } of [...layers, config, manifest])
    await layout.push(descriptor, async () => streamOf(bytes));
  await layout.tag(manifest.descriptor, '1');
  return layout;
}

/** What umoci makes of an image: the directory of its tree. */
function unpacked(layout: Layout): string {
  const bundle = join(temporaryDirectory(), 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${layout.directory}:1`, bundle], { stdio: 'pipe' });
  return join(bundle, 'rootfs');
}

/** One thing that a layer does; the parents of its path are stated too. */
interface Deed {
  readonly path: readonly string[];
  readonly what: 'file' | 'run' | 'directory' | 'symlink' | 'hardlink' | 'whiteout' | 'opaque';
  readonly content: string;
}

const deeds = fc.array(
  fc.record({
    path: fc.array(fc.constantFrom('a', 'b', 'c', 'é'), { minLength: 1, maxLength: 3 }),
    what: fc.constantFrom<Deed['what']>(
      'file',
      'file',
      'run',
      'directory',
      'symlink',
      'hardlink',
      'whiteout',
      'opaque',
    ),
    content: fc.string({ maxLength: 5 }),
  }),
  { maxLength: 8 },
);

/** The entries of a layer; what clashes with an earlier deed is left out. */
function layerFrom(made: readonly Deed[]): Buffer {
  const kinds = new Map<string, string>();
  const parts: Buffer[] = [];
  const files: string[] = [];
  for (const { path, what, content } of made) {
    const own =
      what === 'whiteout' || what === 'opaque' ? [...path.slice(0, -1), `.wh.${path.at(-1)}`] : path;
    const name = own.join('/');
    const above = (what === 'opaque' ? path : path.slice(0, -1)).map((_, at) =>
      path.slice(0, at + 1).join('/'),
    );
    // Whether a whiteout also hides what its own layer has is left to the tests of whiteouts.
    const rival =
      what === 'whiteout' ? path.join('/') : [...path.slice(0, -1), `.wh.${path.at(-1)}`].join('/');
    const blocked = above.some((parent) => (kinds.get(parent) ?? 'directory') !== 'directory');
    if (blocked || kinds.has(name) || kinds.has(rival) || kinds.has(`${path.join('/')}/.wh..wh..opq`))
      continue;
    if (above.some((parent) => kinds.has(parent.replace(/([^/]*)$/, '.wh.$1')))) continue;
    for (const parent of above) {
      if (!kinds.has(parent)) parts.push(directory(parent));
      kinds.set(parent, 'directory');
    }
    if (what === 'opaque') {
      kinds.set(`${path.join('/')}/.wh..wh..opq`, what);
      parts.push(file(`${path.join('/')}/.wh..wh..opq`));
      continue;
    }
    const target = files[0];
    if (what === 'hardlink' && target === undefined) continue;
    kinds.set(name, what);
    if (what === 'directory') parts.push(directory(name));
    else if (what === 'symlink') parts.push(symlink(name, 'a'));
    else if (what === 'hardlink') parts.push(hardlink(name, target ?? ''));
    else if (what === 'whiteout') parts.push(file(name));
    else {
      parts.push(file(name, content, { mode: what === 'run' ? 0o755 : 0o644 }));
      files.push(name);
    }
  }
  return archive(...parts);
}

describe.skipIf(peersMissing('umoci'))('umoci as oracle', () => {
  it(
    'A21 unpacks what we pack to the tree that was packed, with the time 0',
    async () => {
      await fc.assert(
        fc.asyncProperty(items, async (tree) => {
          const root = fresh('content');
          build(root, tree);
          const theirs = unpacked(await layoutOf([await packed(root)]));
          expect(essence(theirs)).toEqual(essence(root));
          for (const name of readdirSync(theirs, { encoding: 'buffer' }))
            expect(lstatSync(Buffer.concat([Buffer.from(`${theirs}/`), name])).mtimeMs).toBe(0);
        }),
        fuzzing(10),
      );
    },
    fuzzTimeout,
  );

  it(
    'A15 A16 makes the same of random layers with whiteouts as we do',
    async () => {
      let whiteouts = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(deeds, { minLength: 1, maxLength: 4 }), async (made) => {
          const layers = made.map((each) => layerOf(layerFrom(each)));
          const home = temporaryDirectory();
          const applied = [];
          for (const [at, layer] of layers.entries()) {
            const root = join(home, String(at));
            mkdirSync(root);
            const stream = verified(inPieces(layer.bytes), layer.descriptor);
            const { whiteouts: hidden, opaques } = await applyLayer(stream, layer, root);
            whiteouts += hidden.length + opaques.length;
            applied.push({ root, whiteouts: hidden, opaques });
          }
          const ours = join(home, 'tree');
          mkdirSync(ours);
          await composeTree(applied, ours);
          expect(essence(ours)).toEqual(essence(unpacked(await layoutOf(layers))));
        }),
        fuzzing(40),
      );
      expect(whiteouts).toBeGreaterThan(10);
    },
    fuzzTimeout,
  );

  it(
    'A15 A16 repacks a changed tree to a layer that we compose to that tree',
    async () => {
      await fc.assert(
        fc.asyncProperty(items, items, async (before, after) => {
          const root = fresh('content');
          build(root, before);
          const layout = await layoutOf([await packed(root)]);
          const bundle = join(temporaryDirectory(), 'bundle');
          const image = `${layout.directory}:1`;
          execFileSync('umoci', ['unpack', '--image', image, bundle], { stdio: 'pipe' });
          const rootfs = join(bundle, 'rootfs');
          const names = readdirSync(rootfs, { encoding: 'buffer' });
          const at = (name: Buffer) => Buffer.concat([Buffer.from(`${rootfs}/`), name]);
          if (names[0] !== undefined) renameSync(at(names[0]), at(Buffer.from('moved')));
          writeFileSync(join(rootfs, 'new'), 'new');
          build(rootfs, after);
          execFileSync('umoci', ['repack', '--image', image, bundle], { stdio: 'pipe' });
          expect(essence(await composed(layout))).toEqual(essence(rootfs));
        }),
        fuzzing(6),
      );
    },
    fuzzTimeout,
  );
});

/** The tree of the image `1` of a layout, as an install makes it. */
async function composed(layout: Layout): Promise<string> {
  const home = temporaryDirectory();
  const image = await readImage(layout, await layout.resolve('1'), { os: 'linux', architecture: 'amd64' });
  const applied = [];
  for (const [at, layer] of imageLayers(image.manifest, image.config).entries()) {
    const root = join(home, String(at));
    mkdirSync(root);
    const { whiteouts, opaques } = await applyLayer(await layout.fetch(layer.descriptor), layer, root);
    applied.push({ root, whiteouts, opaques });
  }
  const tree = join(home, 'tree');
  mkdirSync(tree);
  await composeTree(applied, tree);
  return tree;
}
