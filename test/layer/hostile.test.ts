import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archive, directory, file, gnuLong, hardlink, header, pax, symlink } from '../support/tar-archive.js';
import { applyArchive, refusal, treeOf } from '../support/tar-layer.js';

describe('names', () => {
  it.each([
    '../x',
    'a/../../x',
    '..',
    '../',
    'a/..',
    './../secret',
    'a/../b',
    '..//x',
    'neighbour/../../secret',
  ])('A01 rejects %s', async (name) => {
    expect(await refusal(archive(file(name)))).toMatchObject({ code: 'LAYER_UNSAFE', path: name });
    expect(await refusal(archive(directory(name)))).toMatchObject({ code: 'LAYER_UNSAFE' });
    expect(await refusal(archive(symlink(name, 'y')))).toMatchObject({ code: 'LAYER_UNSAFE' });
    expect(await refusal(archive(file('f'), hardlink(name, 'f')))).toMatchObject({ code: 'LAYER_UNSAFE' });
  });

  it('A01 rejects .. in pax and GNU long names and through the ustar prefix', async () => {
    expect((await refusal(archive(pax({ path: '../x' }), file('ok')))).code).toBe('LAYER_UNSAFE');
    expect((await refusal(archive(gnuLong('L', '../x'), file('ok')))).code).toBe('LAYER_UNSAFE');
    expect((await refusal(archive(file('x', '', { prefix: '..' })))).code).toBe('LAYER_UNSAFE');
  });

  it.each([
    '/x',
    '//x',
    '/',
    'C:\\x',
    'C:x',
    'c:/x',
    './C:/x',
    'a\\b',
    '..\\x',
    '\\\\server\\share\\x',
    '//server/share/x',
    '\\x',
  ])('A02 rejects %s', async (name) => {
    expect(await refusal(archive(file(name)))).toMatchObject({ code: 'LAYER_UNSAFE' });
    expect(await refusal(archive(directory(name)))).toMatchObject({ code: 'LAYER_UNSAFE' });
  });

  it('A02 rejects the absolute path of a real place, and an empty prefix that would make one', async () => {
    expect((await refusal((outside) => archive(pax({ path: `${outside}/new` }), file('x')))).code).toBe(
      'LAYER_UNSAFE',
    );
    expect((await refusal(archive(file('x', '', { prefix: '/' })))).code).toBe('LAYER_UNSAFE');
  });

  it.each(['a\nb', 'a\tb', '\x1b[31m', 'a\x7f', 'a\u0085b', '\x01'])(
    'A03 rejects the control character in %j',
    async (name) => {
      expect((await refusal(archive(file(name)))).code).toBe('LAYER_UNSAFE');
      expect((await refusal(archive(symlink('link', name)))).code).toBe('LAYER_UNSAFE');
      expect((await refusal(archive(file('f'), hardlink('link', name)))).code).toBe('LAYER_UNSAFE');
    },
  );

  it('A03 rejects empty names, NUL inside names and link targets', async () => {
    const codes = await Promise.all(
      [
        file(''),
        file('.'),
        file('./'.concat('.')),
        symlink('', 'x'),
        symlink('.', 'x'),
        symlink('link', ''),
        Buffer.concat([file('f'), hardlink('link', '')]),
        file('a\0b'),
        symlink('link', 'a\0b'),
        Buffer.concat([pax({ path: 'a\0b' }), file('x')]),
        Buffer.concat([pax({ linkpath: 'a\0b' }), symlink('x', 'y')]),
        Buffer.concat([pax({ path: '' }), file('x')]),
        Buffer.concat([gnuLong('L', 'a\0b'), file('x')]),
        Buffer.concat([gnuLong('L', ''), file('x')]),
      ].map(async (part) => (await refusal(archive(part))).code),
    );
    expect(new Set(codes)).toEqual(new Set(['LAYER_INVALID', 'LAYER_UNSAFE']));
  });

  it('A13 rejects long components, long paths and deep trees, and takes those at the limit', async () => {
    const long = (path: string) => archive(pax({ path }), file('x'));
    const part = 'p'.repeat(200);
    for (const path of [
      'n'.repeat(256),
      'ü'.repeat(128),
      `${Array(21).fill(part).join('/')}`,
      Array(257).fill('d').join('/'),
    ]) {
      expect((await refusal(long(path))).code).toBe('LAYER_INVALID');
      expect((await refusal(archive(pax({ path }), directory('x')))).code).toBe('LAYER_INVALID');
    }
    const { applied } = await applyArchive(
      archive(
        pax({ path: 'n'.repeat(255) }),
        file('x'),
        pax({ path: `${'ü'.repeat(127)}y` }),
        file('x'),
        pax({ path: Array(256).fill('d').join('/') }),
        file('x'),
      ),
    );
    expect(applied.entries).toBe(3);
  });
});

describe('links', () => {
  it.each(['/etc/passwd', '/', '//x', '..', '../secret', 'a/../../secret', './../x', 'C:\\x', 'C:x', 'c:/x'])(
    'A04 rejects a symbolic link to %s',
    async (target) => {
      expect((await refusal(archive(symlink('link', target)))).code).toBe('LAYER_UNSAFE');
    },
  );

  it('A04 rejects a deep link that climbs one step too far, takes one that does not', async () => {
    expect((await refusal(archive(symlink('a/b/link', '../../../x')))).code).toBe('LAYER_UNSAFE');
    const { root } = await applyArchive(archive(symlink('a/b/link', '../../x'), symlink('self', '.')));
    expect(treeOf(root)).toMatchObject({ 'a/b/link': 'symlink ../../x', self: 'symlink .' });
  });

  it('A04 rejects a link that leaves the root only through another link, in any order', async () => {
    const through = [symlink('deep/er/up', '../..'), symlink('link', 'deep/er/up/../secret')];
    expect(await refusal(archive(...through))).toMatchObject({ code: 'LAYER_UNSAFE', path: 'link' });
    expect((await refusal(archive(...through.toReversed()))).code).toBe('LAYER_UNSAFE');
    const { root } = await applyArchive(
      archive(directory('deep/er'), file('deep/x'), symlink('link', 'deep/er/../x')),
    );
    expect(readFileSync(join(root, 'link'), 'utf8')).toBe('');
  });

  it('A04 keeps links that lead out as they are with consent, and still writes nothing through them', async () => {
    const { root } = await applyArchive(archive(symlink('a', '/etc'), symlink('b', '../../x')), {
      externalLinks: 'inert',
    });
    expect(treeOf(root)).toEqual({ a: 'symlink /etc', b: 'symlink ../../x' });
    const inert = { externalLinks: 'inert' } as const;
    const planted = (outside: string) =>
      archive(symlink('a', `${outside}/neighbour`), file('a/file', 'changed'));
    expect((await refusal(planted, inert)).code).toBe('LAYER_UNSAFE');
    expect((await refusal(archive(symlink('a', '../neighbour'), file('a/new')), inert)).code).toBe(
      'LAYER_UNSAFE',
    );
    expect((await refusal(archive(symlink('a', '../secret'), file('a', 'changed')), inert)).code).toBe(
      'LAYER_UNSAFE',
    );
    expect((await refusal(archive(symlink('a', '../secret'), hardlink('b', 'a')), inert)).code).toBe(
      'LAYER_UNSAFE',
    );
    expect((await refusal(archive(symlink('a', '..'), hardlink('b', 'a/secret')), inert)).code).toBe(
      'LAYER_INVALID',
    );
    expect((await refusal(archive(symlink('a', '../neighbour'), directory('a/new')), inert)).code).toBe(
      'LAYER_UNSAFE',
    );
    expect((await refusal(archive(symlink('a', '../neighbour'), symlink('a/new', 'x')), inert)).code).toBe(
      'LAYER_UNSAFE',
    );
    expect(
      (await refusal(archive(file('f'), symlink('a', '../neighbour'), hardlink('a/new', 'f')), inert)).code,
    ).toBe('LAYER_UNSAFE');
  });

  it('A05 rejects entries written through a link, a chain of links, and a directory that becomes a link', async () => {
    const cases = [
      [directory('real'), symlink('link', 'real'), file('link/x')],
      [directory('real'), symlink('one', 'real'), symlink('two', 'one'), file('two/x')],
      [directory('real'), symlink('one', 'real'), directory('one/sub')],
      [directory('d'), symlink('d', 'elsewhere')],
      [file('d/x'), symlink('d', 'elsewhere'), file('d/y')],
      [symlink('d', 'elsewhere'), directory('d')],
      [symlink('d', 'elsewhere'), directory('d/')],
      [symlink('d', 'elsewhere'), file('d')],
      [symlink('./d', 'real'), directory('real'), file('d//x')],
      [symlink('.', 'x')],
      [symlink('./', 'x'), file('y')],
    ];
    for (const parts of cases) {
      expect(['LAYER_UNSAFE', 'LAYER_INVALID']).toContain((await refusal(archive(...parts))).code);
    }
    expect((await refusal(archive(file('a'), file('a/b')))).code).toBe('LAYER_INVALID');
  });

  it.each([
    ['outside', hardlink('link', '../secret')],
    ['absolute', hardlink('link', '/etc/passwd')],
    ['outside by a pax path', Buffer.concat([pax({ linkpath: '../secret' }), hardlink('link', 'f')])],
    ['outside by a GNU long link', Buffer.concat([gnuLong('K', '../secret'), hardlink('link', 'f')])],
    ['outside from a deep entry', hardlink('a/b/c/d/link', '../../../../secret')],
    ['to a symbolic link', Buffer.concat([symlink('s', 'f'), hardlink('link', 's')])],
    [
      'through a symbolic link',
      Buffer.concat([directory('d'), file('d/f'), symlink('s', 'd'), hardlink('link', 's/f')]),
    ],
    ['before its target', Buffer.concat([hardlink('link', 'later'), file('later')])],
    ['to itself', hardlink('link', 'link')],
    ['to itself by another name', hardlink('link', './link')],
    ['to a missing target', hardlink('link', 'missing')],
    ['to a missing directory', hardlink('link', 'missing/f')],
    ['to a directory', Buffer.concat([directory('d'), hardlink('link', 'd')])],
    ['to the root', hardlink('link', '.')],
    ['to a whiteout', Buffer.concat([file('.wh.gone'), hardlink('link', '.wh.gone')])],
    ['over an existing file', Buffer.concat([file('a'), file('b'), hardlink('a', 'b')])],
  ])('A06 rejects a hard link %s', async (_, part) => {
    expect(['LAYER_UNSAFE', 'LAYER_INVALID']).toContain((await refusal(archive(part))).code);
  });

  it('A06 takes a hard link to a file before it, also a written with "./"', async () => {
    const { root } = await applyArchive(
      archive(file('d/f', 'content'), hardlink('one', 'd/f'), hardlink('two', './one')),
    );
    const inodes = ['d/f', 'one', 'two'].map((name) => lstatSync(join(root, name)).ino);
    expect(new Set(inodes).size).toBe(1);
  });

  it('A07 keeps loops of links that nothing leads through, without a hang', async () => {
    const loop = [symlink('a', 'b'), symlink('b', 'a'), symlink('self', 'self'), symlink('deep', 'a/../x')];
    const { root } = await applyArchive(archive(...loop));
    expect(Object.keys(treeOf(root))).toEqual(['a', 'b', 'deep', 'self']);
    expect((await refusal(archive(...loop, file('a/x')))).code).toBe('LAYER_UNSAFE');
    expect((await refusal(archive(...loop, file('self/x')))).code).toBe('LAYER_UNSAFE');
  });

  it('A07 bounds links that multiply each other', async () => {
    const chain = Array.from({ length: 30 }, (_, at) =>
      symlink(`l${at}`, `l${at + 1}/../l${at + 1}/../l${at + 1}`),
    );
    const { applied } = await applyArchive(archive(...chain));
    expect(applied.entries).toBe(30);
  });
});

describe('kinds', () => {
  it.each([
    ['3', 'character device'],
    ['4', 'block device'],
    ['6', 'FIFO'],
  ])('A08 rejects type %s, a %s', async (type, name) => {
    const error = await refusal(archive(header({ name: 'special', type })));
    expect(error).toMatchObject({ code: 'LAYER_UNSAFE', path: 'special' });
    expect(error.message).toContain(name);
  });

  it.each(['S', 'D', 'M', 'N', 'V', 'A', 'X', 's', '8', 'Z', 'I', '\xff'])(
    'A11 rejects type %s by name',
    async (type) => {
      const error = await refusal(archive(header({ name: 'odd', type })));
      expect(error).toMatchObject({ code: 'LAYER_INVALID', path: 'odd' });
    },
  );

  it('A11 rejects sparse files in pax formats 0.0, 0.1 and 1.0, and the xstar format', async () => {
    for (const records of [
      { 'GNU.sparse.size': '10', 'GNU.sparse.numblocks': '1' },
      { 'GNU.sparse.map': '0,10' },
      { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '10' },
      { 'SCHILY.realsize': '10' },
    ]) {
      expect((await refusal(archive(pax(records as Record<string, string>), file('x')))).code).toBe(
        'LAYER_INVALID',
      );
    }
    const xstar = file('x', '', { patch: { at: 508, bytes: Buffer.from('tar\0') } });
    expect((await refusal(archive(xstar))).code).toBe('LAYER_INVALID');
  });

  it('A09 strips setuid, setgid, sticky, write bits, owners and extended attributes', async () => {
    const { root } = await applyArchive(
      archive(
        directory('d', { mode: 0o7777, uid: 1234 }),
        pax({
          'SCHILY.xattr.user.x': 'y',
          'SCHILY.xattr.security.capability': 'a\0b',
          uid: '4711',
          uname: 'mallory',
        }),
        file('d/suid', 'x', { mode: 0o6777, uid: 1234 }),
        file('d/none', 'x', { mode: 0 }),
        file('d/write', 'x', { mode: 0o222 }),
        directory('bare', { mode: 0 }),
      ),
    );
    const tree = treeOf(root);
    expect(tree.d).toBe('directory 555');
    expect(tree.bare).toBe('directory 500');
    expect(tree['d/suid']).toMatch(/^file 555 /);
    expect(tree['d/none']).toMatch(/^file 400 /);
    expect(tree['d/write']).toMatch(/^file 400 /);
    expect(lstatSync(join(root, 'd/suid')).uid).toBe(process.getuid?.());
  });
});

describe('the same name twice', () => {
  it.each([
    ['files', [file('a', '1'), file('a', '2')]],
    ['files with other spellings', [file('d/a', '1'), file('./d//a', '2')]],
    ['directories', [directory('a'), directory('a/')]],
    ['a file and a directory', [file('a'), directory('a')]],
    ['a directory and a file', [directory('a'), file('a')]],
    ['a file and a link', [file('a'), symlink('a', 'b')]],
    ['a link and a link', [symlink('a', 'b'), symlink('a', 'c')]],
    ['the root', [directory('./'), directory('.')]],
    ['whiteouts', [file('.wh.a'), file('.wh.a')]],
    ['opaque whiteouts', [file('d/.wh..wh..opq'), file('d/.wh..wh..opq')]],
  ])('A14 rejects %s', async (_, parts) => {
    expect(['LAYER_INVALID', 'LAYER_UNSAFE']).toContain((await refusal(archive(...parts))).code);
  });

  it('A14 takes a directory entry behind its content, once', async () => {
    const { root } = await applyArchive(archive(file('d/f'), directory('d', { mode: 0o700 })));
    expect(treeOf(root).d).toBe('directory 500');
  });

  it('A14 warns of names that other file systems hold for the same', async () => {
    const { applied } = await applyArchive(
      archive(
        file('dir/README'),
        file('dir/readme'),
        file('cafe\u0301'),
        file('café'),
        file('straße'),
        file('STRASSE'),
      ),
    );
    expect(applied.warnings).toHaveLength(3);
    expect(applied.warnings[0]).toContain('dir/readme');
    const fine = await applyArchive(archive(file('a/X'), file('b/x'), file('y')));
    expect(fine.applied.warnings).toEqual([]);
  });
});
