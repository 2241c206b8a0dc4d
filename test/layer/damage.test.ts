import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEngineshedError } from '../../src/errors/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import {
  archive,
  directory,
  endMarker,
  file,
  hardlink,
  header,
  pax,
  symlink,
} from '../support/tar-archive.js';
import { applyArchive, refusal, treeOf } from '../support/tar-layer.js';

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
