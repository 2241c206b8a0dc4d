import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, parseJson } from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { coded, encode } from './coded.js';

describe('JSON', () => {
  it.each([
    ['a key twice', '{"a":1,"a":2}', '"a" twice'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', '"a" twice'],
    ['a key twice, deep inside', '[{"x":{"a":1,"b":{},"a":2}}]', '"a" twice'],
    ['__proto__', '{"__proto__":{}}', '__proto__'],
    ['__proto__, escaped', '{"\\u005f_proto__":{}}', '__proto__'],
    ['10,000 lists', '['.repeat(10_000) + ']'.repeat(10_000), 'nested'],
    ['10,000 objects', '{"a":'.repeat(10_000), 'nested'],
    ['65 levels', '['.repeat(65) + ']'.repeat(65), 'nested'],
    ['no JSON', '{', ''],
    ['more after the end', '{} {}', ''],
    ['nothing', '', ''],
    ['a byte order mark', '\ufeff{}', ''],
    ['an open text', '{"a', ''],
    ['NaN', 'NaN', ''],
  ])('B12 rejects %s', (_what, text, message) => {
    expect(() => parseJson(encode(text), 'manifest x')).toThrow(coded('JSON_INVALID', message));
    expect(() => parseJson(encode(text), 'manifest x')).toThrow(coded('JSON_INVALID', 'manifest x'));
  });

  it('B12 rejects bytes that are not UTF-8', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]), 'x')).toThrow(coded('JSON_INVALID', 'UTF-8'));
  });

  it('B12 takes what only looks like it', () => {
    const text = '{"a":"\\"a\\":","b":{"a":["a","a",{"a":1}]},"c":[{"a":1},{"a":2}],"\\\\":":","d":"{[["}';
    expect(parseJson(encode(text), 'x')).toEqual(JSON.parse(text));
    const nested = '['.repeat(64) + ']'.repeat(64);
    expect(parseJson(encode(nested), 'x')).toEqual(JSON.parse(nested));
  });

  it('B12 reads all other JSON as JSON.parse does', { timeout: fuzzTimeout }, () => {
    const values = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(values, fc.constantFrom(undefined, 1), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        if (text.includes('__proto__')) return;
        expect(parseJson(encode(text), 'x')).toEqual(JSON.parse(text));
      }),
      fuzzing(100),
    );
  });

  it('canonical JSON is the same for equal data, and JSON', { timeout: fuzzTimeout }, () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, 10: 1, 9: 2 })).toBe(
      '{"10":1,"9":2,"b":[1,{"c":"x","d":null}]}',
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      fuzzing(100),
    );
  });
});
