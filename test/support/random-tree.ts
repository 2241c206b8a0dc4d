import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { packDirectory } from '../../src/layer/index.js';
import { type StoredLayer, treeOf } from './tar-layer.js';
import { temporaryDirectory } from './temporary.js';

/** Something of a random tree. */
export interface Item {
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

/** What a random tree is made of: names of all sorts, sizes around the blocks of tar. */
export const items = fc.array(
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
export function build(root: string, tree: readonly Item[]): void {
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
export function essence(root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(root)).map(([path, kind]) => [
      path,
      kind
        .replace(/^directory .*/, 'directory')
        .replace(/^file (\d+)/, (_, mode) => (Number.parseInt(mode, 8) & 0o111 ? 'run' : 'read')),
    ]),
  );
}

/** Packs a directory. */
export async function packed(root: string): Promise<StoredLayer> {
  const file = join(temporaryDirectory(), 'layer.tgz');
  const { descriptor, diffId } = await packDirectory(root, file, { externalLinks: 'reject' });
  return { bytes: readFileSync(file), descriptor, diffId };
}

/** A fresh directory of that name. */
export const fresh = (name: string) => {
  const directory = join(temporaryDirectory(), name);
  mkdirSync(directory);
  return directory;
};
