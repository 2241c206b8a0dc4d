import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import { composeTree, NameBudget } from '../../src/layer/index.js';
import { MemoryTree } from '../../src/layer/tree-memory.js';
import type { TreeStorage } from '../../src/layer/tree-storage.js';
import { TreeWriter } from '../../src/layer/tree-writer.js';
import type { TarEntry } from '../../src/tar/reader.js';
import { archive, file, pax, symlink } from '../support/tar-archive.js';
import { applyArchive, refusal } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;
const budgetBytes = 24 * 1024 * 1024;

/** A storage that keeps nothing, so that only the writer's own memory is seen. */
const forgetful: TreeStorage = {
  list: () => [],
  kindOf: (path) => (path === 'file' ? 'file' : undefined),
  createFile: () => {},
  write: () => {},
  closeFile: () => {},
  makeDirectory: () => {},
  setMode: () => {},
  symlink: () => {},
  link: () => {},
};

/** Text as the tar reader makes it: its own, not put together of parts that are shared. */
const flat = (text: string) => Buffer.from(text).toString();
const entry = (kind: TarEntry['kind'], name: string, linkName = ''): TarEntry => ({
  kind,
  name: flat(name),
  linkName: flat(linkName),
  size: 0,
  mode: 0o755,
});
const deep = `${'d'.repeat(254)}/`.repeat(15);
const target = `${'t'.repeat(250)}/`.repeat(16);
const attacks: [what: string, (at: number) => TarEntry][] = [
  ['short names', (at) => entry('file', `${at}`)],
  ['long paths', (at) => entry('file', `${deep}a-name-with-a-number-${at}`)],
  ['link targets', (at) => entry('symlink', `${at}`, target)],
  ['hard links', (at) => (at === 0 ? entry('file', 'file') : entry('hardlink', `link-${at}`, 'file'))],
  ['directories', (at) => entry('directory', `${at}`)],
  ['directories that are only named by what is in them', (at) => entry('file', `${at}/a/b/c/f`)],
  ['whiteouts', (at) => entry('file', `.wh.${at}`)],
  ['long whiteouts', (at) => entry('file', `${deep}.wh.a-name-with-a-number-${at}`)],
  ['opaque whiteouts', (at) => entry('file', `${at}/.wh..wh..opq`)],
  ['long names beyond ASCII', (at) => entry('file', `${'é'.repeat(110)}${at}`)],
  [
    'long names of two bytes a character',
    (at) => entry('symlink', `${'文'.repeat(80)}${at}`, '文'.repeat(999)),
  ],
];

/** Gives entries to a writer until it refuses; returns the code, and how much the heap has grown then. */
function fill(makeStorage: (budget: NameBudget) => TreeStorage, make: (at: number) => TarEntry) {
  const budget = new NameBudget(budgetBytes);
  const storage = makeStorage(budget);
  const options = { externalLinks: 'reject', maxEntries: 10_000_000, budget, admit: () => {} } as const;
  const writer = new TreeWriter(storage, options);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let code: unknown;
  try {
    for (let at = 0; at < 500_000; at++) {
      const next = make(at);
      writer.entry(next);
      if (next.kind === 'file' && !next.name.includes('.wh.')) writer.endFile();
    }
  } catch (error) {
    code = (error as { code?: unknown }).code;
  }
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  // Both are alive until here.
  expect([writer.entries > 0, storage.list('').length >= 0]).toEqual([true, true]);
  return { code, grown };
}

describe('A17 the memory that names take is bounded, and is what it is said to be', () => {
  it.each(attacks)('A17 an install: %s', (_, make) => {
    const { code, grown } = fill(() => forgetful, make);
    expect(code).toBe('LAYER_LIMIT');
    expect(grown).toBeLessThan(budgetBytes * 1.1);
  });

  it.each(attacks)('A17 a list: %s', (_, make) => {
    const { code, grown } = fill((budget) => new MemoryTree(budget, undefined), make);
    expect(code).toBe('LAYER_LIMIT');
    expect(grown).toBeLessThan(budgetBytes * 1.1);
  });

  it('A17 a layer and an image refuse more', async () => {
    const links = Array.from({ length: 20 }, (_, at) => symlink(`l${at}`, 'x'.repeat(90)));
    const small = () => new NameBudget(8000);
    expect(await refusal(archive(...links), { budget: small() })).toMatchObject({ code: 'LAYER_LIMIT' });
    const layers = await Promise.all(
      [links.slice(0, 10), [...links.slice(10), file('.wh.x')]].map(async (parts) => {
        const { root, applied } = await applyArchive(archive(...parts), { budget: small() });
        return { root, ...applied };
      }),
    );
    const compose = (budget: NameBudget) => {
      const tree = join(temporaryDirectory(), 'tree');
      mkdirSync(tree);
      return composeTree(layers, tree, { budget });
    };
    await compose(small());
    await expect(compose(new NameBudget(5000))).rejects.toMatchObject({ code: 'LAYER_LIMIT' });
  });

  it('A17 what one layer needed while it was written is there for the next', async () => {
    const budget = new NameBudget(20_000);
    const parts = Array.from({ length: 40 }, (_, at) => file(`f${at}`));
    for (let layer = 0; layer < 10; layer++) await applyArchive(archive(...parts), { budget });
    const links = Array.from({ length: 40 }, (_, at) => symlink(`l${at}`, 'x'.repeat(90)));
    expect((await refusal(archive(...parts, ...links), { budget })).code).toBe('LAYER_LIMIT');
  });
});

it('A07 links that cannot be followed to their ends without endless work are refused', async () => {
  const long = `${'a-long-name-of-a-directory/'.repeat(130)}`;
  const target = `${long}${'../'.repeat(130)}x`;
  const encoded = Array.from({ length: 400 }, (_, at) =>
    Buffer.concat([pax({ linkpath: target }), symlink(`l${at}`, 'short')]),
  );
  expect((await refusal(archive(...encoded))).code).toBe('LAYER_UNSAFE');
  expect((await applyArchive(archive(...encoded.slice(0, 20)))).applied.entries).toBe(20);
});
