import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEngineshedError } from '../../src/errors/index.js';
import { blockSize, decodeHeader, encodeHeader, splitUstarName } from '../../src/tar/header.js';
import { decodeName, encodeName } from '../../src/tar/names.js';
import { decodePax, encodePax } from '../../src/tar/pax.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import {
  archive,
  directory,
  endMarker,
  file,
  gnuLong,
  hardlink,
  header,
  pax,
  paxRaw,
  paxRecord,
  symlink,
} from '../support/tar-archive.js';
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

describe('pax', () => {
  it.each([
    ['no length', Buffer.from('path=x\n')],
    ['a length that is too long', Buffer.from('99 path=x\n')],
    ['a length that is too short', Buffer.from('5 path=x\n')],
    ['length 0', Buffer.from('0 path=x\n')],
    ['a signed length', Buffer.from('+10 path=x\n')],
    ['a leading zero', Buffer.from('010 path=xy\n')],
    ['no key', Buffer.from('5 =x\n')],
    ['no equals sign', Buffer.from('7 path\n')],
    ['no newline', Buffer.from('10 path=xx')],
    ['a NUL in the key', paxRecord('pa\0th', 'x')],
    ['a NUL in the path', paxRecord('path', 'a\0b')],
    ['a NUL in the link path', paxRecord('linkpath', 'a\0b')],
    ['an empty path', paxRecord('path', '')],
    ['two paths', Buffer.concat([paxRecord('path', 'a'), paxRecord('path', 'b')])],
    ['a size that is no number', paxRecord('size', '1e3')],
    ['a negative size', paxRecord('size', '-1')],
    ['a size beyond all', paxRecord('size', '99999999999999999999')],
    ['a size other than the header', paxRecord('size', '2048')],
    ['an unknown character set', paxRecord('hdrcharset', 'ISO-IR 8859 1 1998')],
    ['garbage behind a record', Buffer.concat([paxRecord('path', 'x'), Buffer.from('\0\0')])],
  ])('A12 rejects %s', async (_, body) => {
    expect((await refusal(archive(paxRaw(body), file('f', 'content')))).code).toBe('LAYER_INVALID');
  });

  it('A12 caps extended headers at 1 MiB before allocating', async () => {
    for (const type of ['x', 'g', 'L', 'K']) {
      const huge = header({ name: 'h', type, size: 0o77777777777 });
      expect((await refusal(archive(huge))).message).toContain('1048576 are allowed');
    }
    const { root } = await applyArchive(archive(pax({ comment: 'x'.repeat(1024 * 1024 - 20) }), file('f')));
    expect(Object.keys(treeOf(root))).toEqual(['f']);
  });

  it('A12 honours path, link path and what is of no concern, also behind a global header', async () => {
    const { root } = await applyArchive(
      archive(
        pax({ comment: '0123456789abcdef', mtime: '1', uid: '7' }, 'g'),
        pax({
          path: 'größer/ß',
          mtime: '1.5',
          atime: '2',
          'SCHILY.dev': '1',
          'X.unknown': 'a\0b',
          hdrcharset: 'BINARY',
        }),
        file('short', 'content'),
        pax({ linkpath: 'größer/ß', path: 'link' }),
        symlink('short', 'other'),
        pax({ size: '3' }),
        file('same', 'abc'),
        file('plain', 'x'),
      ),
    );
    expect(treeOf(root)).toMatchObject({ link: `symlink ${Buffer.from('größer/ß').toString('latin1')}` });
    expect(readFileSync(join(root, 'größer/ß'), 'utf8')).toBe('content');
    expect(readFileSync(join(root, 'plain'), 'utf8')).toBe('x');
  });

  it.each(['path', 'linkpath', 'size'])('A12 rejects a global %s', async (key) => {
    expect((await refusal(archive(pax({ [key]: '5' }, 'g'), file('f', '12345')))).code).toBe('LAYER_INVALID');
  });

  it('A12 applies a pax size to the entry, never to a long-name header before it (GHSA-vmf3-w455-68vh)', async () => {
    const smuggling = archive(
      pax({ size: '2048' }),
      gnuLong('L', 'longname.txt'),
      file('file_a', 'AAAA_file_a_body'),
      file('file_b', 'BBBB_file_b_body'),
      Buffer.alloc(2048),
    );
    expect((await refusal(smuggling)).code).toBe('LAYER_INVALID');
    const { root } = await applyArchive(
      archive(
        pax({ size: '16' }),
        gnuLong('L', 'longname.txt'),
        file('file_a', 'AAAA_file_a_body'),
        file('file_b'),
      ),
    );
    expect(Object.keys(treeOf(root))).toEqual(['file_b', 'longname.txt']);
  });

  it('A12 rejects two extended headers of a kind, a name in two of them, and one without an entry', async () => {
    for (const parts of [
      [pax({ path: 'a' }), pax({ mtime: '1' }), file('f')],
      [gnuLong('L', 'a'), gnuLong('L', 'b'), file('f')],
      [gnuLong('K', 'a'), gnuLong('K', 'b'), symlink('f', 'x')],
      [pax({ path: 'a' }), gnuLong('L', 'b'), file('f')],
      [pax({ linkpath: 'a' }), gnuLong('K', 'b'), symlink('f', 'x')],
      [file('f'), pax({ path: 'a' })],
      [file('f'), gnuLong('L', 'a')],
    ]) {
      expect((await refusal(archive(...parts))).code).toBe('LAYER_INVALID');
    }
  });

  it('writes records that are read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 1200 }), (bytes) => {
        const value = Buffer.from(bytes).map((byte) => byte || 1);
        const { path } = decodePax(encodePax([['path', value]]), 'entry');
        expect(encodeName(path ?? '')).toEqual(Buffer.from(value));
      }),
      fuzzing(100),
    );
  });
});

describe('the end', () => {
  const whole = archive(
    directory('d'),
    file('d/a', 'x'.repeat(700)),
    pax({ path: 'd/long' }),
    file('b', 'y'.repeat(512)),
    hardlink('h', 'd/a'),
    symlink('s', 'd/a'),
  );

  it('A19 rejects an archive cut at every block of 512 bytes, and one byte around it', async () => {
    for (let length = 0; length < whole.length; length += 512) {
      expect((await refusal(whole.subarray(0, length))).code).toBe('LAYER_INVALID');
      expect((await refusal(whole.subarray(0, length + 1))).code).toBe('LAYER_INVALID');
      if (length > 0) expect((await refusal(whole.subarray(0, length - 1))).code).toBe('LAYER_INVALID');
    }
    expect((await applyArchive(whole)).applied.entries).toBe(5);
  });

  it('A19 takes zeros behind the end marker, as GNU tar pads its records', async () => {
    for (const blocks of [0, 1, 18, 40, 5000]) {
      await applyArchive(Buffer.concat([whole, Buffer.alloc(blocks * 512)]));
    }
  });

  it.each([
    ['an entry behind the end marker', Buffer.concat([whole, file('late')])],
    ['an entry far behind it', Buffer.concat([whole, Buffer.alloc(5120), archive(file('late'))])],
    ['one byte behind it', Buffer.concat([whole, Buffer.alloc(511), Buffer.from([1])])],
    ['zeros that end no block', Buffer.concat([whole, Buffer.alloc(100)])],
    [
      'a lone zero block in between',
      Buffer.concat([whole.subarray(0, -1024), Buffer.alloc(512), archive(file('late'))]),
    ],
    ['a lone zero block at the end', whole.subarray(0, -512)],
    ['no end marker', whole.subarray(0, -1024)],
    ['nothing at all', Buffer.alloc(0)],
  ])('A19 rejects %s', async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe('LAYER_INVALID');
  });

  it('A19 takes an archive without entries', async () => {
    expect((await applyArchive(endMarker)).applied.entries).toBe(0);
  });

  it('A20 rejects a bad checksum, anywhere', async () => {
    for (const checksum of ['000000\0 ', '777777\0 ', '       \0', 'garbage!']) {
      expect((await refusal(archive(file('f', '', { checksum })))).code).toBe('LAYER_INVALID');
    }
    for (const at of [0, 100, 124, 156, 157, 257, 345, 511]) {
      const bytes = Buffer.from(archive(file('f', 'content')));
      bytes[at] = (bytes[at] as number) ^ 0x41;
      expect((await refusal(bytes)).code).toBe('LAYER_INVALID');
    }
  });

  it('A20 takes the signed checksum of old writers', async () => {
    const name = Buffer.from('caf\xe9', 'latin1');
    const block = header({ name });
    const signed = block.reduce(
      (sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte >= 128 ? byte - 256 : byte),
      0,
    );
    const { root } = await applyArchive(
      archive(header({ name, checksum: `${signed.toString(8).padStart(6, '0')}\0 ` })),
    );
    expect(Object.keys(treeOf(root))).toEqual(['caf\xe9']);
  });

  it('gives the same whatever pieces the bytes come in', async () => {
    const expected = treeOf((await applyArchive(whole)).root);
    for (const pieces of [1, 7, 511, 512, 513]) {
      expect(treeOf((await applyArchive(whole, { pieces })).root)).toEqual(expected);
    }
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

it('A20 never takes random damage for another tree without an error of its own kind', {
  timeout: fuzzTimeout,
}, async () => {
  const whole = archive(
    directory('d'),
    file('d/a', 'content'),
    pax({ path: 'd/ü' }),
    file('b', 'y'),
    symlink('s', 'd/a'),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, value) => {
      const bytes = Buffer.from(whole);
      bytes[at] = value;
      try {
        await applyArchive(bytes);
      } catch (error) {
        expect(isEngineshedError(error, 'LAYER_INVALID', 'LAYER_UNSAFE', 'LAYER_LIMIT')).toBe(true);
      }
    }),
    fuzzing(300),
  );
});
