import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { useEngine } from '../../src/shim/index.js';
import type { Fault } from '../../src/store/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { archive, file } from '../support/tar-archive.js';
import { treeOf } from '../support/tar-layer.js';
import { publishArchives } from './layered.js';
import { makeSample } from './sample.js';
import {
  check,
  contentOf,
  expectRefused,
  flip,
  inDirectory,
  makeInstalled,
  mend,
  removeNow,
  sourceOf,
  told,
  within,
} from './verifying.js';

type Damage = (root: string) => void;
/** What is damaged in the source `single`, what is told, and whether a fast check tells it too. */
const damages: [string, Damage, string, 'fast' | 'full'][] = [
  ['a bit flips', (root) => flip(`${root}/large`, 2_000_000), 'content large', 'full'],
  ['a bit flips in a file with two names', (root) => flip(`${root}/bin/run`), 'content bin/run', 'full'],
  [
    'a file is edited',
    (root) => {
      chmodSync(`${root}/large`, 0o600);
      writeFileSync(`${root}/large`, Buffer.alloc(3_000_000, 'y'));
      chmodSync(`${root}/large`, 0o444);
    },
    'content large',
    'fast',
  ],
  ['a file is cut off', (root) => truncateSync(`${root}/large`, 2_999_999), 'size large', 'fast'],
  ['a file grows', (root) => writeFileSync(`${root}/blank`, 'x'), 'size blank', 'fast'],
  [
    'a file is deleted',
    (root) => inDirectory(root, () => unlinkSync(`${root}/large`)),
    'missing large',
    'fast',
  ],
  [
    'a directory is deleted',
    (root) => inDirectory(root, () => rmSync(`${root}/empty`, { recursive: true })),
    'missing empty',
    'fast',
  ],
  [
    'a file is added',
    (root) => inDirectory(root, () => writeFileSync(`${root}/new`, '')),
    'extra new',
    'fast',
  ],
  [
    'a tree is added',
    (root) => inDirectory(root, () => mkdirSync(`${root}/new/deep`, { recursive: true })),
    'extra new',
    'fast',
  ],
  ['a mode changes', (root) => chmodSync(`${root}/blank`, 0o644), 'mode blank', 'fast'],
  ['a file may become another user', (root) => chmodSync(`${root}/blank`, 0o4444), 'mode blank', 'fast'],
  ['the mode of a directory changes', (root) => chmodSync(`${root}/bin`, 0o755), 'mode bin', 'fast'],
  ['the mode of the top changes', (root) => chmodSync(root, 0o755), 'mode ', 'fast'],
  ['a file becomes a link to itself elsewhere', (root) => becomeLink(root, 'large'), 'kind large', 'fast'],
  ['a directory becomes a link to itself elsewhere', (root) => becomeLink(root, 'bin'), 'kind bin', 'fast'],
  [
    'a link leads elsewhere',
    (root) =>
      inDirectory(root, () => {
        unlinkSync(`${root}/run`);
        symlinkSync('bin/again', `${root}/run`);
      }),
    'target run',
    'fast',
  ],
  [
    'a link becomes a directory',
    (root) =>
      inDirectory(root, () => {
        unlinkSync(`${root}/run`);
        mkdirSync(`${root}/run/deep`, { recursive: true });
      }),
    'kind run',
    'fast',
  ],
  [
    'a hard link becomes another file',
    (root) =>
      inDirectory(`${root}/bin`, () => {
        unlinkSync(`${root}/bin/again`);
        writeFileSync(`${root}/bin/again`, '#!/bin/sh\necho RUN\n');
        chmodSync(`${root}/bin/again`, 0o555);
      }),
    'content bin/again',
    'fast',
  ],
  [
    'what a hard link is a name of becomes another file',
    (root) =>
      inDirectory(`${root}/bin`, () => {
        unlinkSync(`${root}/bin/run`);
        writeFileSync(`${root}/bin/run`, '#!/bin/sh\necho RUN\n');
        chmodSync(`${root}/bin/run`, 0o555);
      }),
    'content bin/run',
    'fast',
  ],
  [
    'a name that is not UTF-8',
    (root) => {
      const path = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]);
      inDirectory(root, () => unlinkSync(path));
    },
    'missing caf\\xe9',
    'fast',
  ],
  ['all is deleted', (root) => removeNow(root), 'missing ', 'fast'],
];

function becomeLink(root: string, name: string): void {
  const elsewhere = `${root}-elsewhere`;
  inDirectory(root, () => {
    mkdirSync(elsewhere);
    chmodSync(`${root}/${name}`, 0o700);
    renameSync(`${root}/${name}`, `${elsewhere}/${name}`);
    symlinkSync(`${elsewhere}/${name}`, `${root}/${name}`);
  });
  // Beside the store, so that it is no damage of its own.
  const outside = `${dirname(dirname(dirname(dirname(dirname(root)))))}/elsewhere`;
  renameSync(elsewhere, outside);
  inDirectory(root, () => {
    unlinkSync(`${root}/${name}`);
    symlinkSync(`${outside}/${name}`, `${root}/${name}`);
  });
}

describe('verify', () => {
  it.each(damages)('E04 %s: found, refused, repaired', async (_, damage, expected, mode) => {
    const sample = await makeInstalled();
    const before = contentOf(sample);
    const root = sourceOf(sample, 'single');
    damage(root);
    const [fault = '', path = ''] = expected.split(' ');
    const line = `${fault} ${within(sample, root)}${path === '' ? '' : `/${path}`}`;
    expect(told(await check(sample, 'fast'))).toEqual(mode === 'fast' ? [line] : []);
    const report = await check(sample);
    expect(told(report)).toEqual([line]);
    expect(report.faults[0]).toMatchObject({ what: 'layer', engines: ['first'] });
    await expectRefused(sample, 'first');
    const { found, after, layers, problems } = await mend(sample);
    expect([told(found), after.faults, problems]).toEqual([[line], [], []]);
    expect(layers).toHaveLength(1);
    expect(contentOf(sample)).toEqual(before);
    expect(await useEngine(sample.store, 'first')).toMatchObject({ name: 'first' });
  });
});

describe('any damage', () => {
  it(
    'E04 to any path of any tree is told at exactly that path',
    async () => {
      const names = fc.constantFrom('a', 'b', 'Ä', '文', 'x y', '.hidden', 'new\u200bline');
      const paths = fc.array(fc.array(names, { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 12,
      });
      await fc.assert(
        fc.asyncProperty(paths, fc.nat(), fc.constantFrom(...randomDamages), async (wanted, pick, damage) => {
          const sample = await makeSample();
          try {
            await publishArchives(sample, 'random', [archive(...entriesOf(wanted))]);
            await sample.install('first', 'random');
            const root = sourceOf(sample, 'random');
            const files = Object.entries(treeOf(root)).filter(([, what]) => what.startsWith('file'));
            const [chosen = ''] = files[pick % files.length] ?? [];
            const path = Buffer.from(chosen, 'latin1').toString('utf8');
            inDirectory(dirname(`${root}/${path}`), () => damage.make(`${root}/${path}`));
            const expected = `${damage.fault} ${within(sample, root)}/${path}${damage.suffix ?? ''}`;
            expect(told(await check(sample))).toEqual([expected]);
            await mend(sample);
            expect((await check(sample)).faults).toEqual([]);
          } finally {
            await removeTree(sample.directory);
          }
        }),
        fuzzing(25),
      );
    },
    fuzzTimeout,
  );
});

const randomDamages: { make: (path: string) => void; fault: Fault['fault']; suffix?: string }[] = [
  { make: (path) => flip(path, 3), fault: 'content' },
  { make: (path) => truncateSync(path, 1), fault: 'size' },
  { make: (path) => unlinkSync(path), fault: 'missing' },
  { make: (path) => chmodSync(path, 0o440), fault: 'mode' },
  { make: (path) => linkSync(path, `${path}+`), fault: 'extra', suffix: '+' },
  {
    make: (path) => {
      unlinkSync(path);
      symlinkSync('/', path);
    },
    fault: 'kind',
  },
];

/** A file at each path that no other one has as a directory. */
function entriesOf(wanted: readonly (readonly string[])[]): Buffer[] {
  const paths = [...new Set(wanted.map((path) => path.join('/')))];
  return paths
    .filter((path) => !paths.some((other) => other.startsWith(`${path}/`)))
    .map((path) => file(path, `content of ${path}`));
}
