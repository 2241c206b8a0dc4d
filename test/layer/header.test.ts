import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockSize, decodeHeader, encodeHeader, splitUstarName } from '../../src/tar/header.js';
import { decodeName, encodeName } from '../../src/tar/names.js';
import { fuzzing } from '../support/fuzzing.js';
import { archive, directory, file, gnuLong, hardlink, header, pax, symlink } from '../support/tar-archive.js';
import { applyArchive, refusal, treeOf } from '../support/tar-layer.js';

const base256 = (...bytes: number[]) =>
  Buffer.from([
    ...bytes.slice(0, 1),
    ...Array(12 - bytes.length).fill(bytes[0] === 0xff ? 0xff : 0),
    ...bytes.slice(1),
  ]);

describe('sizes', () => {
  it.each([
    ['octal over the limit of bytes', '77777777777\0', 'LAYER_LIMIT'],
    ['base-256 of 2^60', base256(0x80, 0x10, 0, 0, 0, 0, 0, 0, 0), 'LAYER_INVALID'],
    ['base-256 of 2^95', Buffer.from([0x80, ...Array(11).fill(0xff)]), 'LAYER_INVALID'],
    ['base-256, negative', Buffer.alloc(12, 0xff), 'LAYER_INVALID'],
    ['base-256, negative small', base256(0xff, 0xf0), 'LAYER_INVALID'],
    ['base-256 with bits in its first byte', Buffer.from([0xbf, ...Array(11).fill(0)]), 'LAYER_INVALID'],
    ['minus in octal', '-0000000001\0', 'LAYER_INVALID'],
    ['hexadecimal', '0000000001f\0', 'LAYER_INVALID'],
    ['digits behind the end', '00000\x0000001\0', 'LAYER_INVALID'],
    ['larger than the data', '00000002000\0', 'LAYER_INVALID'],
  ])('A10 rejects a size that is %s', async (_, size, code) => {
    expect((await refusal(archive(file('f', '12345', { size: size as string })))).code).toBe(code);
  });

  it('A10 rejects base-256 with more than its one marking bit, also where the rest is 0', async () => {
    const size = Buffer.from([0xbf, ...Array(11).fill(0)]);
    expect((await refusal(archive(file('f', '', { size })))).code).toBe('LAYER_INVALID');
    const fine = Buffer.from([0x80, ...Array(11).fill(0)]);
    expect((await applyArchive(archive(file('f', '', { size: fine })))).applied.entries).toBe(1);
  });

  it('A10 rejects a size smaller than the data, which then is no header', async () => {
    expect((await refusal(archive(file('f', 'x'.repeat(600), { size: 10 })))).code).toBe('LAYER_INVALID');
  });

  it('A10 rejects content of directories, links and whiteouts, and modes that are no number', async () => {
    for (const type of ['1', '2', '5']) {
      const hidden = file('hidden');
      const part = Buffer.concat([file('t'), header({ name: 'x', type, linkName: 't', size: 512 }), hidden]);
      expect((await refusal(archive(part))).code).toBe('LAYER_INVALID');
    }
    expect((await refusal(archive(file('.wh.x', '12345')))).code).toBe('LAYER_INVALID');
    expect((await refusal(archive(file('f', '', { mode: 'rwxr-x' })))).code).toBe('LAYER_INVALID');
  });

  it('A21 takes 8 GiB and more by header: base-256 and pax, up to the limit that is set', async () => {
    const big = 9 * 1024 ** 3;
    const size = base256(0x80, 0x02, 0x40, 0, 0, 0);
    const limits = { bytes: 2 ** 50, ratio: 2 ** 40 };
    for (const parts of [
      [file('big', '', { size })],
      [pax({ size: String(big) }), file('big', '', { size: 0 })],
      [pax({ size: String(big) }), file('big', '', { size: 0o77777777777 })],
    ]) {
      expect((await refusal(archive(...parts), { limits: { ...limits, bytes: 8 * 1024 ** 3 } })).code).toBe(
        'LAYER_LIMIT',
      );
      const error = await refusal(archive(...parts), { limits });
      expect(error.message).toContain('ends before its end marker');
    }
    const block = Buffer.alloc(blockSize);
    encodeHeader(block, 0, {
      name: Buffer.from('f'),
      prefix: Buffer.alloc(0),
      linkName: Buffer.alloc(0),
      typeFlag: '0',
      size: 8 * 1024 ** 3 - 1,
      mode: 0o644,
      mtime: 0,
    });
    expect(decodeHeader(block, 0).size).toBe(8 * 1024 ** 3 - 1);
  });
});

describe('names', () => {
  it.each([1, 99, 100, 101, 154, 155, 156, 255, 256, 257])(
    'A21 takes names of %i bytes, by pax and by GNU header',
    async (length) => {
      const name = `${'d'.repeat(Math.min(100, length))}${'/e'.repeat(200)}`
        .slice(0, length)
        .replace(/\/$/, 'x');
      for (const parts of [
        [pax({ path: name }), file('cut', 'content')],
        [gnuLong('L', name), file('cut', 'content')],
      ]) {
        const { root } = await applyArchive(archive(...parts));
        expect(readFileSync(join(root, name), 'utf8')).toBe('content');
      }
    },
  );

  it('A21 takes a name field of 100 bytes and a prefix of 155 without NULs, and ignores GNU data in the place of a prefix', async () => {
    const name = 'n'.repeat(100);
    const prefix = `${'p'.repeat(77)}/${'q'.repeat(77)}`;
    const { root } = await applyArchive(
      archive(
        file(name, 'a', { prefix }),
        symlink('link', 't'.repeat(100)),
        file('gnu', 'b', { magic: 'ustar  \0', prefix: '14000000000\x0014000000000' }),
        file('v7', 'c', { magic: '\0\0\0\0\0\0\0\0', prefix: 'ignored', type: '\0' }),
        file('v7dir/', '', { magic: '\0\0\0\0\0\0\0\0', type: '\0' }),
        file('contiguous', 'd', { type: '7' }),
      ),
    );
    expect(Object.keys(treeOf(root)).filter((path) => !path.startsWith('p'))).toEqual([
      'contiguous',
      'gnu',
      'link',
      'v7',
      'v7dir',
    ]);
    expect(readFileSync(join(root, prefix, name), 'utf8')).toBe('a');
  });

  it('A21 keeps names and targets that are not UTF-8, byte for byte', async () => {
    const raw = Buffer.from([0x66, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x9b]);
    const long = Buffer.concat([raw, Buffer.alloc(120, 0xe9)]);
    const { root } = await applyArchive(
      archive(
        file(raw, 'content'),
        symlink('link', raw),
        gnuLong('L', Buffer.concat([Buffer.from('gnu-'), long])),
        file('cut', 'x'),
        pax({ path: Buffer.concat([Buffer.from('pax-'), long]) }),
        file('cut', 'y'),
        hardlink('hard', raw),
        directory(Buffer.concat([Buffer.from('dir-'), raw])),
        file(Buffer.concat([Buffer.from('dir-'), raw, Buffer.from('/inner')]), 'z'),
      ),
    );
    const latin = raw.toString('latin1');
    expect(Object.keys(treeOf(root))).toEqual(
      [
        `dir-${latin}`,
        `dir-${latin}/inner`,
        latin,
        `gnu-${long.toString('latin1')}`,
        'hard',
        'link',
        `pax-${long.toString('latin1')}`,
      ].sort(),
    );
    expect(treeOf(root).link).toBe(`symlink ${latin}`);
  });

  it('A21 takes empty files and empty directories', async () => {
    const { root, applied } = await applyArchive(archive(directory('./'), directory('empty/'), file('none')));
    expect(Object.keys(treeOf(root))).toEqual(['empty', 'none']);
    expect(applied).toMatchObject({ entries: 3, bytes: 0 });
  });

  it('A21 decodes any bytes to text that encodes to the same bytes', () => {
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 12 }).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 5 }), (parts) => {
        const bytes = Buffer.concat(parts);
        expect(encodeName(decodeName(bytes))).toEqual(bytes);
      }),
      fuzzing(500),
    );
  });

  it('A21 splits names for ustar so that they read the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 60 }), {
          minLength: 1,
          maxLength: 8,
        }),
        (parts) => {
          const name = Buffer.from(parts.join('/'));
          const split = splitUstarName(name);
          if (split === undefined) {
            expect(name.length).toBeGreaterThan(100);
            return;
          }
          const block = Buffer.alloc(blockSize);
          encodeHeader(block, 0, {
            ...split,
            linkName: Buffer.alloc(0),
            typeFlag: '0',
            size: 0,
            mode: 0o644,
            mtime: 0,
          });
          expect(decodeHeader(block, 0).name).toBe(name.toString());
        },
      ),
      fuzzing(100),
    );
  });
});
