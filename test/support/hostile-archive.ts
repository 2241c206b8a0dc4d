import fc from 'fast-check';
import type { ModelEntry } from './layer-model.js';
import { endMarker, gnuLong, header, pax, paxRaw } from './tar-archive.js';

/** How a name or link target that an archive has is written. */
export const encodings = ['ustar', 'prefix', 'gnu', 'pax'] as const;
export type Encoding = (typeof encodings)[number];

/** A part of an archive: an entry, or bytes of which it is known whether they spoil it. */
export type Part =
  | { readonly entry: ModelEntry; readonly encoding: Encoding }
  | { readonly what: string; readonly bytes: Buffer; readonly spoils: boolean };

/** An entry as an ordinary one is, but for what is told. */
export function entryOf(kind: ModelEntry['kind'], name: string, more: Partial<ModelEntry> = {}): ModelEntry {
  const mode = kind === 'directory' ? 0o755 : 0o644;
  return { kind, name, target: '', content: '', mode, ...more };
}

/** An entry's blocks. What does not fit into an encoding is written in pax. */
export function encodeEntry(entry: ModelEntry, encoding: Encoding): Buffer {
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  const { name, target } = entry;
  const type = { file: '0', directory: '5', symlink: '2', hardlink: '1' }[entry.kind];
  const content = bytes(entry.content);
  const rest = { type, mode: entry.mode, size: content.length };
  const body = Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
  const isLink = entry.kind === 'symlink' || entry.kind === 'hardlink';
  const split = encoding === 'prefix' && target.length <= 100 ? splitName(name) : undefined;
  if (split !== undefined) {
    const fields = { name: bytes(split.name), prefix: bytes(split.prefix), linkName: bytes(target) };
    return Buffer.concat([header({ ...fields, ...rest }), body]);
  }
  if (encoding === 'ustar' && name.length <= 100 && target.length <= 100)
    return Buffer.concat([header({ name: bytes(name), linkName: bytes(target), ...rest }), body]);
  if (encoding === 'gnu') {
    const long = [gnuLong('L', bytes(name)), ...(isLink ? [gnuLong('K', bytes(target))] : [])];
    const main = header({ name: bytes(name).subarray(0, 100), magic: 'ustar  \0', ...rest });
    return Buffer.concat([...long, main, body]);
  }
  const records = { path: bytes(name), ...(isLink ? { linkpath: bytes(target) } : {}) };
  return Buffer.concat([pax(records), header({ name: 'short', ...rest }), body]);
}

export function encodePart(part: Part): Buffer {
  return 'entry' in part ? encodeEntry(part.entry, part.encoding) : part.bytes;
}

/** Names that are refused wherever they stand and whatever they name. */
export function nameFaults(home: string): string[] {
  return [
    ...['..', '../', '../x', 'a/../x', 'a/..', './..', 'a/../../x', '..//x', '../secret', '../open/new'],
    ...['/', '//', '/x', '//x', `${home}/new`, `${home}/open/new`, '/etc/new', '//server/share'],
    ...['C:', 'C:x', 'c:/x', 'C:\\x', './C:x', '\\', 'a\\b', '..\\x', '\\\\server\\share'],
    ...['a\nb', 'a\rb', 'a\tb', '\x01', '\x1b[2J', 'a\x7f', 'a\xc2\x85', 'a/\x02/b'],
    ...[
      '',
      'n'.repeat(256),
      `a/${'n'.repeat(256)}/b`,
      '\xc3\xbc'.repeat(128),
      'd/'.repeat(2049),
      'd/'.repeat(257),
    ],
    ...['.wh.', '.wh..', '.wh...', '.wh..wh.x', '.wh..wh..opqx', '.wh.a/x', '.wh..wh..opq/x', 'a/.wh.b/c'],
  ];
}

/** Targets that are refused as those of symbolic links. */
export function symlinkFaults(home: string): string[] {
  return [
    ...[
      '',
      '/',
      '/x',
      '//x',
      '..',
      '../',
      '../x',
      './..',
      'a/../..',
      'a/../../x',
      'a/b/../../../x',
      '../secret',
    ],
    ...[home, `${home}/secret`, `${home}/open`, '/etc/passwd', '/proc/self/root', '/dev/null'],
    ...['C:', 'C:x', 'c:/x', 'a\\b', '\\x', 'a\nb', '\x01', 'a\x7f', 'a\xc2\x85', 'x'.repeat(4096)],
  ];
}

/** Targets that are refused as those of hard links. */
export function hardlinkFaults(home: string): string[] {
  return [
    ...symlinkFaults(home),
    ...[
      'missing',
      'missing/f',
      '.',
      './',
      'link',
      'link/.',
      'd',
      'd/',
      'd/..',
      'd/../f',
      'f/.',
      's',
      's/f',
      '.wh.f',
    ],
    ...['n'.repeat(256), 'd/'.repeat(2049)],
  ].filter((target) => target !== 'f/.');
}

/** Parts that spoil an archive as a whole, wherever they stand. */
export const spoilers: readonly Part[] = [
  ...['3', '4', '6', 'S', 'D', 'M', 'N', 'V', 'A', 'X', '8', 'Z', '\xff'].map((type) =>
    spoiler(`type ${type}`, header({ name: 'special', type })),
  ),
  spoiler('a checksum of zero', header({ name: 'x', checksum: '000000\0 ' })),
  spoiler('a checksum that is one off', offByOne()),
  spoiler('a negative size', header({ name: 'x', size: Buffer.alloc(12, 0xff) })),
  spoiler('a huge size', header({ name: 'x', size: Buffer.from([0x80, 0x7f, ...Buffer.alloc(10, 0xff)]) })),
  spoiler('a size that is no number', header({ name: 'x', size: 'abcdefghijk\0' })),
  spoiler('a mode that is no number', header({ name: 'x', mode: '99999999' })),
  spoiler('bytes behind a name', header({ name: 'x\0y' })),
  spoiler('bytes behind a link name', header({ name: 'x', type: '2', linkName: 'x\0y' })),
  spoiler('a directory with content', header({ name: 'x', type: '5', size: 512 })),
  spoiler('a link with content', header({ name: 'x', type: '2', linkName: 'y', size: 512 })),
  spoiler('the xstar format', header({ name: 'x', patch: { at: 508, bytes: Buffer.from('tar\0') } })),
  spoiler('two pax headers', Buffer.concat([pax({ path: 'x' }), pax({ path: 'y' }), header({})])),
  spoiler('two GNU names', Buffer.concat([gnuLong('L', 'x'), gnuLong('L', 'y'), header({})])),
  spoiler('names of both kinds', Buffer.concat([pax({ path: 'x' }), gnuLong('L', 'y'), header({})])),
  spoiler(
    'names of both kinds, one empty',
    Buffer.concat([pax({ path: 'x' }), gnuLong('L', ''), header({})]),
  ),
  spoiler(
    'targets of both kinds, one empty',
    Buffer.concat([pax({ linkpath: 'x' }), gnuLong('K', ''), header({ type: '2' })]),
  ),
  spoiler('a NUL in a pax name', Buffer.concat([pax({ path: 'a\0b' }), header({})])),
  spoiler('a NUL in a pax target of what is no link', Buffer.concat([pax({ linkpath: 'a\0b' }), header({})])),
  spoiler('a NUL in a GNU name', Buffer.concat([gnuLong('L', 'a\0b'), header({})])),
  spoiler('a pax size that contradicts', Buffer.concat([pax({ size: '512' }), header({ size: 3 })])),
  spoiler('a pax size that is no number', Buffer.concat([pax({ size: '0x10' }), header({})])),
  spoiler('a pax key twice', Buffer.concat([paxTwice(), header({})])),
  spoiler('a pax record of a wrong length', Buffer.concat([paxRaw(Buffer.from('99 path=x\n')), header({})])),
  spoiler('a pax record without an end', Buffer.concat([paxRaw(Buffer.from('9 path=xx')), header({})])),
  spoiler('a pax record without a key', Buffer.concat([paxRaw(Buffer.from('5 =x\n')), header({})])),
  spoiler('a pax length with a sign', Buffer.concat([paxRaw(Buffer.from('+10 path=x\n')), header({})])),
  spoiler('a pax sparse file', Buffer.concat([pax({ 'GNU.sparse.major': '1' }), header({})])),
  spoiler('a pax special file', Buffer.concat([pax({ 'SCHILY.filetype': 'sparse' }), header({})])),
  spoiler('a pax character set', Buffer.concat([pax({ hdrcharset: 'EBCDIC' }), header({})])),
  spoiler('a global path', pax({ path: 'x' }, 'g')),
  spoiler('a global size', pax({ size: '0' }, 'g')),
  spoiler('an entry behind a zero block', Buffer.concat([Buffer.alloc(512), header({})])),
  spoiler('a file that is larger than the archive', header({ name: 'cut', size: 1_000_000 })),
  spoiler('a block of noise', Buffer.alloc(512, 0x55)),
];

/** Parts that change nothing. */
const harmless: readonly Part[] = [
  rawPart('a global comment', pax({ comment: 'x' }, 'g'), false),
  rawPart('an empty global header', paxRaw(Buffer.alloc(0), 'g'), false),
];

/** How an archive ends. */
export const endings: readonly { readonly what: string; readonly bytes: Buffer; readonly spoils: boolean }[] =
  [
    rawPart('a marker', endMarker, false),
    rawPart('a whole record', Buffer.alloc(10_240), false),
    rawPart('nothing', Buffer.alloc(0), true),
    rawPart('half a marker', Buffer.alloc(512), true),
    rawPart('a broken block', Buffer.alloc(1100), true),
    rawPart('an entry behind', Buffer.concat([endMarker, header({ name: 'hidden' })]), true),
    rawPart('an extended header', Buffer.concat([pax({ path: 'x' }), endMarker]), true),
    rawPart('an empty GNU name', Buffer.concat([gnuLong('L', ''), endMarker]), true),
    rawPart('a byte far behind', Buffer.concat([Buffer.alloc(9000), Buffer.from('x')]), true),
  ];

/**
 * Parts of archives: mostly ordinary entries of few names, so that they meet each other; some of them hostile.
 * @param home where the things are that an archive must not reach
 */
export function partArbitrary(home: string): fc.Arbitrary<Part> {
  const usual = fc.constantFrom(
    'a',
    'b',
    'c',
    'A',
    'caf\xc3\xa9',
    'cafe\xcc\x81',
    '\xff',
    'a b',
    '-',
    "'",
    '*',
    '...',
  );
  const long = fc.constantFrom('n'.repeat(100), 'n'.repeat(101), 'n'.repeat(155), 'n'.repeat(255));
  const component = fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: long });
  const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const spelt = fc
    .tuple(
      fc.constantFrom('', '', '', '', './', './/'),
      path,
      fc.constantFrom('', '', '', '', '/', '/.', '//'),
    )
    .map((parts) => parts.join(''));
  const whiteout = fc
    .tuple(
      fc.constantFrom('', 'a/', 'a/b/', './'),
      fc.constantFrom('.wh.a', '.wh.b', '.wh.caf\xc3\xa9', '.wh..wh..opq'),
    )
    .map((parts) => parts.join(''));
  const badName = fc.constantFrom(...nameFaults(home));
  const name = fc.oneof({ weight: 150, arbitrary: spelt }, { weight: 1, arbitrary: badName });
  const mode = fc.oneof(fc.constantFrom(0o644, 0o755, 0, 0o7777, 0o6755, 0o1777, 0o222), fc.nat(0o7777));
  const climbing = fc
    .array(fc.constantFrom('..', '.', '', 'a', 'b', 'c', 'caf\xc3\xa9'), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('/'));
  const badTarget = fc.constantFrom(...symlinkFaults(home));
  const target = fc.oneof(
    { weight: 40, arbitrary: path },
    { weight: 10, arbitrary: climbing },
    { weight: 1, arbitrary: badTarget },
  );
  const content = fc.oneof(
    fc.string({ maxLength: 20 }).map((text) => Buffer.from(text).toString('latin1')),
    fc.constantFrom(0, 511, 512, 513, 3000).map((length) => 'x'.repeat(length)),
  );
  const kinds = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('file' as const), name, mode, content }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('directory' as const), name, mode }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('symlink' as const), name, mode, target }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('hardlink' as const), name, mode, target }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('file' as const), name: whiteout, mode }) },
  );
  const entry = fc
    .tuple(kinds, fc.constantFrom(...encodings))
    .map(
      ([{ kind, name: named, ...more }, encoding]): Part => ({ entry: entryOf(kind, named, more), encoding }),
    );
  return fc.oneof(
    { weight: 120, arbitrary: entry },
    { weight: 3, arbitrary: fc.constantFrom(...harmless) },
    { weight: 1, arbitrary: fc.constantFrom(...spoilers) },
  );
}

function spoiler(what: string, bytes: Buffer) {
  return rawPart(what, bytes, true);
}

/** In a counterexample only its name is printed. */
function rawPart(what: string, bytes: Buffer, spoils: boolean) {
  return { what, bytes, spoils, [fc.toStringMethod]: () => what };
}

function offByOne(): Buffer {
  const block = header({ name: 'x' });
  block[0] = 'y'.charCodeAt(0);
  return block;
}

function paxTwice(): Buffer {
  return paxRaw(Buffer.from('10 path=x\n10 path=y\n'));
}

function splitName(name: string): { prefix: string; name: string } | undefined {
  for (let at = name.indexOf('/', 1); at > 0 && at <= 155; at = name.indexOf('/', at + 1))
    if (name.length - at - 1 <= 100) return { prefix: name.slice(0, at), name: name.slice(at + 1) };
  return undefined;
}
