import { describe, expect, it } from 'vitest';
import {
  chainId,
  createDigester,
  type Digest,
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  parseDigest,
} from '../../src/oci/index.js';
import { coded, encode, hex } from './coded.js';

describe('digests', () => {
  it.each([`sha256:${hex}`, `sha512:${'0'.repeat(128)}`])('B07 takes %s', (text) => {
    expect(parseDigest(text)).toBe(text);
    expect(digestHex(parseDigest(text))).toBe(text.slice(7));
    expect(digestAlgorithm(parseDigest(text))).toBe(text.slice(0, 6));
  });

  it.each([
    ['', 'no algorithm'],
    [hex, 'no algorithm'],
    [`sha256:${hex.slice(1)}`, 'not 63'],
    [`sha256:${hex}a`, 'not 65'],
    [`sha512:${hex}`, 'not 64'],
    [`sha256:${hex.toUpperCase()}`, 'lower case'],
    [`SHA256:${hex}`, '"SHA256" is not supported'],
    [`sha384:${'a'.repeat(96)}`, '"sha384" is not supported'],
    [`md5:${'a'.repeat(32)}`, '"md5" is not supported'],
    [`sha256:${hex}\n`, 'not hexadecimal'],
    [`sha256:../${hex.slice(3)}`, 'not hexadecimal'],
    [`__proto__:${hex}`, 'not supported'],
  ])('B07 rejects %j', (text, message) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(coded('DIGEST_INVALID', message));
  });

  it('B07 sha512 works like sha256', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const digester = createDigester(algorithm);
      digester.update(encode('ab'));
      digester.update(encode('c'));
      expect(digester.digest()).toBe(digestOf('abc', algorithm));
    }
    expect(digestOf('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('the chain ID is that of the image specification', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(text)) as [Digest, Digest, Digest];
    expect(chainId([a])).toBe(a);
    expect(chainId([a, b, c])).toBe(digestOf(`${digestOf(`${a} ${b}`)} ${c}`));
  });
});
