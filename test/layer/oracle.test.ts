import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packDirectory } from '../../src/layer/index.js';
import { describe as descriptorOf, digestOf, mediaTypes } from '../../src/oci/index.js';
import { applyStored, layerOf, type StoredLayer, treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

interface Item {
  readonly path: readonly Buffer[];
  readonly kind: 'file' | 'empty' | 'symlink' | 'hardlink';
  readonly size: number;
  readonly executable: boolean;
}

const component = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc
        .string({ unit: fc.constantFrom('a', 'b', 'C', '.', '-', ' ', "'", '*'), minLength: 1, maxLength: 8 })
        .map((text) => Buffer.from(text)),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('ü', 'é', 'e\u0301', '日本語', '\u{1f600}', '\u{ffff}')
        .map((text) => Buffer.from(text)),
    },
    { weight: 2, arbitrary: fc.integer({ min: 60, max: 255 }).map((length) => Buffer.alloc(length, 'n')) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 40, max: 127 }).map((length) => Buffer.from('ü'.repeat(length))),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom([0xff], [0xe9, 0x61], [0xed, 0xa0, 0x80]).map((bytes) => Buffer.from(bytes)),
    },
  )
  .filter(
    (bytes) => !['.', '..', '.git'].includes(bytes.toString()) && !/^[a-zA-Z]:|^-/.test(bytes.toString()),
  );

const items = fc.array(
  fc.record({
    path: fc.array(component, { minLength: 1, maxLength: 4 }),
    kind: fc.constantFrom<Item['kind']>('file', 'file', 'file', 'empty', 'symlink', 'hardlink'),
    size: fc.oneof(
      fc.constantFrom(0, 1, 511, 512, 513, 1024),
      fc.nat(5000),
      fc.constantFrom(1_048_575, 1_047_552, 2_100_000),
    ),
    executable: fc.boolean(),
  }),
  { maxLength: 12 },
);

/** Makes a tree of items; what clashes with an earlier item is left out. */
function build(root: string, tree: readonly Item[]): void {
  const files: Buffer[] = [];
  const at = (parts: readonly Buffer[]) =>
    Buffer.concat([Buffer.from(root), ...parts.flatMap((part) => [Buffer.from('/'), part])]);
  for (const { path, kind, size, executable } of tree) {
    const here = at(path);
    try {
      mkdirSync(at(kind === 'empty' ? path : path.slice(0, -1)), { recursive: true });
      const inside = path.map((part) => part.toString('latin1')).join('/');
      if (kind === 'file') {
        writeFileSync(here, Buffer.alloc(size, inside, 'latin1'), { flag: 'wx' });
        chmodSync(here, executable ? 0o755 : 0o644);
        files.push(here);
      } else if (kind === 'symlink') {
        symlinkSync(
          Buffer.concat([
            Buffer.from('./'),
            path[0] as Buffer,
            Buffer.from(size > 512 ? '/x'.repeat(size % 90) : ''),
          ]),
          here,
        );
      } else if (kind === 'hardlink' && files[0] !== undefined) linkSync(files[0], here);
    } catch (error) {
      if (
        !['EEXIST', 'ENOTDIR', 'ENAMETOOLONG', 'EISDIR', 'ELOOP'].includes(
          (error as NodeJS.ErrnoException).code ?? '',
        )
      )
        throw error;
    }
  }
}

/** A tree as git would know it: kinds, execute bits, content, targets; not who may write. */
function essence(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(root)).map(([path, kind]) => [
      path,
      kind
        .replace(/^directory .*/, 'directory')
        .replace(/^file (\d+)/, (_, mode) => (Number.parseInt(mode, 8) & 0o111 ? 'run' : 'read')),
    ]),
  );
}

async function packed(root: string): Promise<StoredLayer> {
  const file = join(temporaryDirectory(), 'layer.tgz');
  const { descriptor, diffId } = await packDirectory(root, file, { externalLinks: 'reject' });
  return { bytes: readFileSync(file), descriptor, diffId };
}

const fresh = (name: string) => {
  const directory = join(temporaryDirectory(), name);
  mkdirSync(directory);
  return directory;
};

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
      { numRuns: 25 },
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
        { numRuns: 10 },
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
        sys.stdout.buffer.write(b'|'.join([m.name.encode('utf-8', 'surrogateescape').hex().encode(), m.type, m.linkname.encode('utf-8', 'surrogateescape').hex().encode(), hashlib.sha256(data).hexdigest()[:16].encode()]) + b'\\n')
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
    { numRuns: 10 },
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
