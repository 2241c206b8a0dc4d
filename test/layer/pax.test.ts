import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeName } from '../../src/tar/names.js';
import { decodePax, encodePax } from '../../src/tar/pax.js';
import { fuzzing } from '../support/fuzzing.js';
import { archive, file, gnuLong, header, pax, paxRaw, paxRecord, symlink } from '../support/tar-archive.js';
import { applyArchive, refusal, treeOf } from '../support/tar-layer.js';

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
