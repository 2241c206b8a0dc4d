import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verified } from '../../src/content/index.js';
import { applyLayer, composeTree, removeTree } from '../../src/layer/index.js';
import { digestOf } from '../../src/oci/index.js';
import {
  apply,
  archiveArbitrary,
  check,
  expected,
  expectSeen,
  type Layer,
  type Mode,
  plain,
  refusals,
  stored,
} from '../support/archive-check.js';
import { plantCanary } from '../support/canary.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import {
  encodeEntry,
  encodePart,
  encodings,
  endings,
  entryOf,
  hardlinkFaults,
  nameFaults,
  partArbitrary,
  spoilers,
  symlinkFaults,
} from '../support/hostile-archive.js';
import { type ModelEntry, modelImage, showTree } from '../support/layer-model.js';
import { archive } from '../support/tar-archive.js';
import { inPieces, type StoredLayer, treeOf } from '../support/tar-layer.js';
import { temporaryDirectory } from '../support/temporary.js';

it(
  'A01-A21 random archives of ordinary and hostile entries are refused, or make what the model says',
  async () => {
    const canary = plantCanary(temporaryDirectory());
    let [taken, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(archiveArbitrary(canary.home), async ({ parts, ending, pieces, members }) => {
        const layer = stored(Buffer.concat([...parts.map(encodePart), ending.bytes]), members);
        const made = await check(canary, layer, (links) => expected(parts, ending, links), { pieces });
        taken += made;
        refused += 2 - made;
      }),
      fuzzing(300),
    );
    // The generator is of use only while it makes both.
    expect(Math.min(taken, refused)).toBeGreaterThan((taken + refused) / 10);
  },
  fuzzTimeout,
);

describe('A01-A21 each fault in each place', () => {
  const kinds: ModelEntry['kind'][] = ['file', 'directory', 'symlink', 'hardlink'];
  const around = [
    entryOf('directory', 'd'),
    entryOf('file', 'f', { content: 'f' }),
    entryOf('symlink', 's', { target: 'd' }),
  ];

  it('A01 A02 A03 A13 A15 a name, of each kind of entry, in each encoding', async () => {
    const canary = plantCanary(temporaryDirectory());
    let cases = 0;
    for (const name of nameFaults(canary.home)) {
      for (const kind of kinds) {
        for (const encoding of encodings) {
          const entry = entryOf(kind, name, { target: 'f' });
          const parts = [...around, entry].map((each) => ({ entry: each, encoding }));
          const layer = plain(archive(...parts.map(encodePart)));
          expect(expected(parts, { spoils: false }, 'inert')).toBeUndefined();
          await check(canary, layer, () => undefined, { modes: ['inert'] });
          cases++;
        }
      }
    }
    expect(cases).toBeGreaterThan(600);
  });

  it('A04 A06 A07 a link target, of each kind of link, in each encoding', async () => {
    const canary = plantCanary(temporaryDirectory());
    const faults = [
      ...symlinkFaults(canary.home).map((target) => ['symlink', target] as const),
      ...hardlinkFaults(canary.home).map((target) => ['hardlink', target] as const),
    ];
    for (const [kind, target] of faults) {
      for (const encoding of encodings) {
        const parts = [...around, entryOf(kind, 'link', { target })].map((entry) => ({ entry, encoding }));
        expect(expected(parts, { spoils: false }, 'reject')).toBeUndefined();
        await check(canary, plain(archive(...parts.map(encodePart))), (links) =>
          expected(parts, { spoils: false }, links),
        );
      }
    }
  });

  it('A05 A06 A14 A16 what meets what was there before, in each order', async () => {
    const canary = plantCanary(temporaryDirectory());
    const { home } = canary;
    const things = [
      entryOf('file', 'x', { content: 'x' }),
      entryOf('file', 'x', { content: 'other' }),
      entryOf('directory', 'x'),
      entryOf('directory', './x/'),
      entryOf('file', 'x/'),
      entryOf('symlink', 'x', { target: 'd' }),
      entryOf('symlink', 'x', { target: '../neighbour' }),
      entryOf('symlink', 'x', { target: `${home}/open` }),
      entryOf('symlink', 'x', { target: '../secret' }),
      entryOf('symlink', 'x', { target: 'x' }),
      entryOf('hardlink', 'x', { target: 'f' }),
      entryOf('hardlink', 'x', { target: 's' }),
      entryOf('file', 'x/file', { content: 'through' }),
      entryOf('file', 'x/./new//file', { content: 'through' }),
      entryOf('directory', 'x/new'),
      entryOf('symlink', 'x/new', { target: 'y' }),
      entryOf('hardlink', 'x/new', { target: 'f' }),
      entryOf('hardlink', 'y', { target: 'x' }),
      entryOf('hardlink', 'y', { target: 'x/file' }),
      entryOf('hardlink', 'y', { target: './x' }),
      entryOf('symlink', 'y', { target: 'x/..' }),
      entryOf('symlink', 'y', { target: 'x/../..' }),
      entryOf('symlink', 'y', { target: 'x/../secret' }),
      entryOf('file', '.wh.x'),
      entryOf('file', 'x/.wh.file'),
      entryOf('file', 'x/.wh..wh..opq'),
      entryOf('file', '.wh..wh..opq'),
      entryOf('file', 'X', { content: 'twin' }),
      entryOf('file', '.', { content: 'root' }),
      entryOf('symlink', './', { target: 'd' }),
      entryOf('hardlink', './/.', { target: 'f' }),
      entryOf('directory', './'),
    ];
    for (const first of things) {
      for (const second of things) {
        const parts = [...around, first, second].map((entry) => ({ entry, encoding: 'ustar' as const }));
        const layer = plain(archive(...parts.map(encodePart)));
        await check(canary, layer, (links) => expected(parts, { spoils: false }, links));
      }
    }
  }, 120_000);

  it.each(spoilers.map((part) => ['what' in part ? part.what : '', part] as const))(
    'A08 A10 A11 A12 A19 A20 %s, first and behind others',
    async (_, part) => {
      const canary = plantCanary(temporaryDirectory());
      for (const before of [[], around]) {
        const bytes = [...before.map((entry) => encodeEntry(entry, 'ustar')), encodePart(part)];
        await check(canary, plain(archive(...bytes)), () => undefined, { modes: ['inert'] });
      }
    },
  );

  it.each(endings.map((ending) => [ending.what, ending] as const))('A19 the end: %s', async (_, ending) => {
    const canary = plantCanary(temporaryDirectory());
    const parts = around.map((entry) => ({ entry, encoding: 'ustar' as const }));
    const layer = stored(Buffer.concat([...parts.map(encodePart), ending.bytes]), true);
    await check(canary, layer, (links) => expected(parts, ending, links));
  });
});

it(
  'B01 B13 a byte that changed on the way, or another diffID, is told as that',
  async () => {
    const canary = plantCanary(temporaryDirectory());
    await fc.assert(
      fc.asyncProperty(
        archiveArbitrary(canary.home),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (made, where, change) => {
          const layer = stored(
            Buffer.concat([...made.parts.map(encodePart), made.ending.bytes]),
            made.members,
          );
          const bytes = Buffer.from(layer.bytes);
          const at = where % bytes.length;
          bytes[at] = (bytes[at] as number) ^ change;
          const damaged = await apply(canary, { ...layer, bytes }, 'inert', made.pieces);
          // An entry that would do harm is told of as soon as it is seen.
          expect(['DIGEST_MISMATCH', 'LAYER_UNSAFE']).toContain(damaged);
          const other = await apply(canary, { ...layer, diffId: digestOf('other') }, 'inert');
          expect(['DIFFID_MISMATCH', ...refusals]).toContain(other);
          if (expected(made.parts, made.ending, 'inert') !== undefined) expect(other).toBe('DIFFID_MISMATCH');
        },
      ),
      fuzzing(80),
    );
  },
  fuzzTimeout,
);

it(
  'A15 A16 random layers with whiteouts compose to what the model says, and ls and cat see the same',
  async () => {
    const canary = plantCanary(temporaryDirectory());
    const layers = fc.array(fc.array(partArbitrary(canary.home), { maxLength: 6 }), {
      minLength: 1,
      maxLength: 4,
    });
    let composed = 0;
    await fc.assert(
      fc.asyncProperty(layers, fc.constantFrom<Mode>('reject', 'inert'), async (made, links) => {
        const models = made.map((parts) => expected(parts, { spoils: false }, links));
        const usable = made.filter((_, at) => models[at] !== undefined);
        const kept = models.filter((model) => model !== undefined);
        const home = temporaryDirectory();
        const images: StoredLayer[] = usable.map((parts) => plain(archive(...parts.map(encodePart))));
        const applied: Layer[] = [];
        for (const [at, layer] of images.entries()) {
          const root = join(home, `layer-${at}`);
          mkdirSync(root);
          const stream = verified(inPieces(layer.bytes), layer.descriptor);
          applied.push({ ...(await applyLayer(stream, layer, root, { externalLinks: links })), root });
        }
        const wanted = modelImage(kept, links);
        const root = await canary.newRoot();
        const result = await composeTree(applied, root, { externalLinks: links }).then(
          () => 'made',
          (error) => error.code,
        );
        expect(canary.faults()).toEqual([]);
        if (wanted === undefined) expect(result).toBe('LAYER_UNSAFE');
        else {
          expect(result).toBe('made');
          expect(treeOf(root)).toEqual(showTree(wanted));
          if (images.length > 0) await expectSeen(images, wanted, home);
          composed++;
        }
        await removeTree(home);
      }),
      fuzzing(120),
    );
    expect(composed).toBeGreaterThan(20);
  },
  fuzzTimeout,
);
