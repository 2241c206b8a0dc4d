import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEngineshedError } from '../../src/errors/index.js';
import {
  formatReference,
  isLoopback,
  namesRegistry,
  parseReference,
  parseRegistry,
  parseTag,
  wantedOf,
} from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

const hex = 'a'.repeat(64);
const sha256 = `sha256:${hex}`;
const sha512 = `sha512:${'b'.repeat(128)}`;
const invalid = (message: string) =>
  expect.objectContaining({
    code: expect.stringMatching(/^(REFERENCE|DIGEST)_INVALID$/),
    message: expect.stringContaining(message),
  });

describe('D01 references to registries', () => {
  it.each([
    ['ghcr.io/acme/engine:edge', 'ghcr.io', 'acme/engine', 'edge', undefined],
    ['localhost:5000/x', 'localhost:5000', 'x', undefined, undefined],
    ['localhost/x', 'localhost', 'x', undefined, undefined],
    ['127.0.0.1:5000/x/y:1', '127.0.0.1:5000', 'x/y', '1', undefined],
    ['[::1]:5000/x:t', '[::1]:5000', 'x', 't', undefined],
    ['[2001:db8::1]/x', '[2001:db8::1]', 'x', undefined, undefined],
    ['[0:0::1]:5000/x', '[::1]:5000', 'x', undefined, undefined],
    ['127.1:5000/x', '127.0.0.1:5000', 'x', undefined, undefined],
    ['0x7f.1/x', '127.0.0.1', 'x', undefined, undefined],
    ['HOST.Example.COM:443/x', 'host.example.com:443', 'x', undefined, undefined],
    ['alpine', 'docker.io', 'library/alpine', undefined, undefined],
    ['alpine:3', 'docker.io', 'library/alpine', '3', undefined],
    ['acme/engine', 'docker.io', 'acme/engine', undefined, undefined],
    ['localhost:5000', 'docker.io', 'library/localhost', '5000', undefined],
    ['index.docker.io/x', 'docker.io', 'library/x', undefined, undefined],
    [`h.io/x@${sha256}`, 'h.io', 'x', undefined, sha256],
    [`h.io/x@${sha512}`, 'h.io', 'x', undefined, sha512],
    [`h.io/x:t@${sha256}`, 'h.io', 'x', 't', sha256],
    ['h.io/a__b/c--d/e.f/g_h:_T.-', 'h.io', 'a__b/c--d/e.f/g_h', '_T.-', undefined],
    [`h.io/x:${'t'.repeat(128)}`, 'h.io', 'x', 't'.repeat(128), undefined],
  ])('D01 takes %s', (text, registry, repository, tag, digest) => {
    const reference = parseReference(text);
    expect(reference).toEqual({
      transport: 'registry',
      registry,
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    });
    expect(parseReference(formatReference(reference))).toEqual(reference);
  });

  it.each([
    ['', 'empty path component'],
    ['h.io/', 'empty path component'],
    ['h.io//x', 'empty path component'],
    ['h.io/x/', 'empty path component'],
    ['/x', 'empty path component'],
    ['h.io/Acme/x', '"Acme" has upper-case letters'],
    ['Acme', '"Acme" has upper-case letters'],
    ['HOST/x', '"HOST" would be read as a repository of docker.io'],
    ['h.io/../x', '".." is not allowed'],
    ['h.io/./x', '"." is not allowed'],
    ['h.io/-x', '"-x" is not allowed'],
    ['h.io/x-', '"x-" is not allowed'],
    ['h.io/a___b', '"a___b" is not allowed'],
    ['h.io/a..b', '"a..b" is not allowed'],
    ['h.io/x y', '"x y" is not allowed'],
    ['h.io/x\0', 'is not allowed'],
    ['h.io/é', 'is not allowed'],
    ['h.io/x:', 'tag "" is empty'],
    [`h.io/x:${'t'.repeat(129)}`, 'has 129 characters, 128 are allowed'],
    ['h.io/x:.t', 'starts with "."'],
    ['h.io/x:-t', 'starts with "-"'],
    ['h.io/x:a+b', 'has the character "+"'],
    [`h.io/x:${sha256}`, 'is not allowed'],
    [`h.io/x@sha256:${hex.slice(1)}`, '64 hexadecimal digits, not 63'],
    [`h.io/x@sha256:${hex.toUpperCase()}`, 'lower case'],
    [`h.io/x@md5:${'a'.repeat(32)}`, '"md5" is not supported'],
    [`h.io/x@${hex}`, 'it has no algorithm'],
    [`h.io/x@${sha256}:t`, 'not hexadecimal'],
    ['user@h.io/x', 'no digest'],
    ['user:secret@h.io/x', 'no digest'],
    [`h.io/x@${sha256}@${sha256}`, 'no digest'],
    ['https://h.io/x', 'URL scheme'],
    ['h.io:/x', '":" is not a port'],
    ['h.io:0/x', '":0" is not a port'],
    ['h.io:0443/x', '":0443" is not a port'],
    ['h.io:65536/x', '":65536" is not a port'],
    ['h.io:5a/x', '":5a" is not a port'],
    ['h.io:-1/x', '":-1" is not a port'],
    ['-h.io/x', '"-h.io" is not a registry host'],
    ['h..io/x', '"h..io" is not a registry host'],
    ['h_h.io/x', '"h_h.io" is not a registry host'],
    ['[::1/x', '"[::1" is not a registry host'],
    ['[::::]/x', '"[::::]" is not a registry host'],
    ['[1.2.3.4]/x', '"[1.2.3.4]" is not a registry host'],
    ['::1/x', 'is not a registry host'],
    ['300.300.300.300/x', '"300.300.300.300" is not a registry host'],
    ['2130706433.1/x', '"2130706433.1" is not a registry host'],
    ['[fe80::1%25eth0]:5000/x', '"[fe80::1%25eth0]:5000" is not a registry host'],
    [`h.io/${'a'.repeat(251)}`, 'longer than 255'],
    ['a'.repeat(2000), 'longer than 1024'],
  ])('D01 rejects %j and shows where', (text, message) => {
    expect(() => parseReference(text)).toThrow(invalid(message));
  });

  it('D01 never shows the user info', () => {
    expect(() => parseReference('https://me:secret@h.io/x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });

  it('D01 any text is a reference that is written and read back, or an error', {
    timeout: fuzzTimeout,
  }, () => {
    const pieces = fc.array(
      fc.constantFrom(
        'a',
        'B',
        '0',
        '.',
        '..',
        '/',
        ':',
        '@',
        '-',
        '_',
        '[',
        ']',
        'h.io',
        'localhost',
        ':5000',
        'oci:',
        sha256,
        '::1',
        '\\',
        ' ',
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          pieces.map((found) => found.join('')),
          fc.string(),
        ),
        (text) => {
          try {
            const reference = parseReference(text);
            expect(parseReference(formatReference(reference))).toEqual(reference);
          } catch (error) {
            expect(isEngineshedError(error, 'REFERENCE_INVALID', 'DIGEST_INVALID')).toBe(true);
          }
        },
      ),
      fuzzing(5000),
    );
  });
});

describe('D01 references to image layouts', () => {
  it.each([
    ['oci:images:v1', 'images', 'v1', undefined],
    ['oci:/a/b', '/a/b', undefined, undefined],
    ['oci:./x', './x', undefined, undefined],
    ['oci:/a:b/c', '/a:b/c', undefined, undefined],
    ['oci:/a:b/c:t', '/a:b/c', 't', undefined],
    ['oci:C:\\images', 'C:\\images', undefined, undefined],
    ['oci:C:\\images:t', 'C:\\images', 't', undefined],
    ['oci:job@2:t', 'job@2', 't', undefined],
    ['oci:job@2/x:t', 'job@2/x', 't', undefined],
    [`oci:x@${sha256}`, 'x', undefined, sha256],
    [`oci:x:t@${sha512}`, 'x', 't', sha512],
    ['oci:with space/ü:t', 'with space/ü', 't', undefined],
  ])('D01 takes %s', (text, path, tag, digest) => {
    const reference = parseReference(text);
    expect(reference).toMatchObject({ transport: 'oci', path });
    expect([reference.tag, reference.digest]).toEqual([tag, digest]);
    expect(parseReference(formatReference(reference))).toEqual(reference);
  });

  it.each([
    ['oci:', 'names no directory'],
    ['oci::t', 'names no directory'],
    ['oci:x:', 'is empty'],
    ['oci:x:a b', 'has the character " "'],
    ['oci:a\nb:t', 'control character'],
    ['oci:a\0b', 'control character'],
    [`oci:x@md5:${'a'.repeat(32)}`, '"md5" is not supported'],
    ['oci:x@sha256:abc', '64 hexadecimal digits, not 3'],
    [`oci:x@sha256:${hex.toUpperCase()}`, 'lower case'],
  ])('D01 rejects %j', (text, message) => {
    expect(() => parseReference(text)).toThrow(invalid(message));
  });
});

describe('parseRegistry', () => {
  it.each([
    ['ghcr.io/hamlet-io', 'ghcr.io', 'hamlet-io'],
    ['h.io:5000', 'h.io:5000', ''],
    ['h.io/', 'h.io', ''],
    ['h.io/a/b/', 'h.io', 'a/b'],
    ['[::1]:5000/a', '[::1]:5000', 'a'],
    ['LOCALHOST', 'localhost', ''],
    ['registry-1.docker.io', 'docker.io', ''],
  ])('D01 takes %s', (text, registry, path) => {
    expect(parseRegistry(text)).toEqual({ registry, path });
  });

  it.each([
    '',
    '/',
    'h',
    'mirror/x',
    'https://h.io',
    'h.io//x',
    'h.io/X',
    'h.io:0',
    'me@h.io',
    'h.io/x:t',
    'h.io x',
    '[::]]',
  ])('D01 rejects %j', (text) => {
    expect(() => parseRegistry(text)).toThrow(invalid(''));
  });
});

it.each([
  ['h.io/x', true],
  ['localhost/x', true],
  ['h:1/x', true],
  ['[::1]/x', true],
  ['h/x', false],
  ['x:1', false],
  ['x', false],
])('namesRegistry(%s) is %s', (text, expected) => {
  expect(namesRegistry(text)).toBe(expected);
});

it.each([
  ['localhost:5000', true],
  ['a.localhost', true],
  ['127.1.2.3:80', true],
  ['[::1]:5000', true],
  ['128.0.0.1', false],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['[::2]', false],
])('isLoopback(%s) is %s', (registry, expected) => {
  expect(isLoopback(registry)).toBe(expected);
});

it('asks for the digest first, then the tag, then latest', () => {
  expect(['h.io/x', 'h.io/x:t', `h.io/x:t@${sha256}`].map((text) => wantedOf(parseReference(text)))).toEqual([
    'latest',
    't',
    sha256,
  ]);
});

it.each(['', '.a', '-a', 'a/b', 'a:b', 'a b', 'ä', 'x'.repeat(129), sha256])(
  'D01 parseTag rejects %j',
  (tag) => {
    expect(() => parseTag(tag)).toThrow(invalid('is not a tag'));
  },
);
