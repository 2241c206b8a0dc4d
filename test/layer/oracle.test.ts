import { execFileSync } from 'node:child_process';
import { linkSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describe as descriptorOf, digestOf, mediaTypes } from '../../src/oci/index.js';
import { fuzzing } from '../support/fuzzing.js';
import { build, essence, fresh, type Item, items, packed } from '../support/random-tree.js';
import { applyStored, layerOf, treeOf } from '../support/tar-layer.js';

describe('GNU tar as oracle', () => {
  it('A21 extracts from our layers what was packed, and so do we', async () => {
    await fc.assert(
      fc.asyncProperty(items, async (tree) => {
        const root = fresh('content');
        build(root, tree);
        const layer = await packed(root);
        const theirs = fresh('gnu');
        execFileSync('tar', ['-xzpf', '-', '-C', theirs], {
          input: layer.bytes,
          env: { ...process.env, LC_ALL: 'C' },
        });
        expect(essence(theirs)).toEqual(essence(root));
        const { root: ours } = await applyStored(layer);
        expect(essence(ours)).toEqual(essence(root));
      }),
      fuzzing(25),
    );
  });

  it.each(['gnu', 'oldgnu', 'pax', 'posix', 'ustar', 'v7'])(
    'A21 makes archives in the format %s that we take as it does',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(items, async (tree) => {
          const short = ['ustar', 'v7'].includes(format);
          const fits = ({ path, kind, size }: Item) =>
            path.reduce((sum, part) => sum + part.length + 1, 0) < 90 && (kind !== 'symlink' || size <= 512);
          const usable = short ? tree.filter(fits) : tree;
          const root = fresh('content');
          build(root, usable);
          const archive = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', root, '.'], {
            maxBuffer: 1 << 28,
            env: { ...process.env, LC_ALL: 'C' },
          });
          const { root: ours, applied } = await applyStored(layerOf(archive));
          expect(essence(ours)).toEqual(essence(root));
          expect(applied.entries).toBe(Object.keys(essence(root)).length + 1);
        }),
        fuzzing(10),
      );
    },
  );

  it('A06 keeps hard links of its archives', async () => {
    const root = fresh('content');
    writeFileSync(join(root, 'a'), 'content');
    linkSync(join(root, 'a'), join(root, 'b'));
    const archive = execFileSync('tar', ['-cf', '-', '-C', root, '.']);
    const { root: ours } = await applyStored(layerOf(archive));
    expect(lstatSync(join(ours, 'a')).ino).toBe(lstatSync(join(ours, 'b')).ino);
  });

  it('A11 makes sparse archives that we refuse, in every format it has for them', async () => {
    const root = fresh('content');
    execFileSync('truncate', ['-s', '10M', join(root, 'sparse')]);
    for (const format of [
      '--format=gnu',
      '--format=pax --sparse-version=0.0',
      '--format=pax --sparse-version=0.1',
      '--format=pax --sparse-version=1.0',
    ]) {
      const archive = execFileSync('tar', [...format.split(' '), '-S', '-cf', '-', '-C', root, 'sparse']);
      await expect(applyStored(layerOf(archive))).rejects.toMatchObject({ code: 'LAYER_INVALID' });
    }
  });
});

it('A21 gives Python the same names and content, byte for byte', async () => {
  const script = `
import tarfile, sys, io, hashlib
with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), mode='r:gz') as t:
    for m in t:
        data = t.extractfile(m).read() if m.isfile() else b''
        sys.stdout.buffer.write(b'|'.join([m.name.encode('utf-8', 'surrogateescape').hex().encode(), m.type, m.linkname.encode('utf-8', 'surrogateescape').hex().encode(), hashlib.sha256(data).hexdigest()[:16].encode(), b'%d %d %d' % (m.mtime, m.uid, m.gid)]) + b'\\n')
`;
  await fc.assert(
    fc.asyncProperty(items, async (tree) => {
      const root = fresh('content');
      build(root, tree);
      const { bytes } = await packed(root);
      const listed = execFileSync('python3', ['-c', script], {
        input: bytes,
        env: { ...process.env, PYTHONUTF8: '1' },
      }).toString();
      const theirs = listed
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('|'));
      expect(new Set(theirs.map((fields) => fields.pop()))).toEqual(
        new Set(theirs.length === 0 ? [] : ['0 0 0']),
      );
      const inOrder = theirs.map(([name = '', type]) => name + (type === '5' ? '2f' : ''));
      expect(inOrder).toEqual([...inOrder].sort());
      const ours = Object.entries(treeOf(root)).map(([path, kind]) => {
        const name = Buffer.from(path, 'latin1').toString('hex');
        const empty = digestOf('').slice(7, 23);
        if (kind.startsWith('directory')) return [name, '5', '', empty];
        if (kind.startsWith('symlink'))
          return [name, '2', Buffer.from(kind.slice(8), 'latin1').toString('hex'), empty];
        return [name, '0', '', kind.split(' ')[2]];
      });
      expect(theirs.sort()).toEqual(ours.sort());
    }),
    fuzzing(10),
  );
});

it('A18 takes layers that gzip made and joined', async () => {
  const root = fresh('content');
  writeFileSync(join(root, 'a'), 'x'.repeat(100_000));
  const archive = execFileSync('tar', ['-cf', '-', '-C', root, 'a'], { maxBuffer: 1 << 26 });
  const parts = [archive.subarray(0, 7000), archive.subarray(7000)].map((part) =>
    execFileSync('gzip', ['-c'], { input: part }),
  );
  const bytes = Buffer.concat(parts);
  const layer = {
    bytes,
    descriptor: descriptorOf(mediaTypes.layerTarGzip, bytes),
    diffId: digestOf(archive),
  };
  expect(essence((await applyStored(layer)).root)).toEqual(essence(root));
});
