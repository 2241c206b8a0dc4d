import { describe, expect, it } from 'vitest';
import { RegistryAddress } from '../../src/registry/address.js';
import { schemesOf } from '../../src/registry/schemes.js';

describe('the address of a registry', () => {
  const locate = (registry: string, plainHttp: boolean | undefined, insecure: boolean) => {
    const schemes = schemesOf(registry, plainHttp, insecure);
    const address = new RegistryAddress(registry, schemes, () =>
      Promise.reject(new Error('not to be asked')),
    );
    return { url: address.locate('/v2/x').href, isPrivate: address.isPrivate, settled: address.settled };
  };

  it.each([
    ['ghcr.io', undefined, 'https://ghcr.io/v2/x', true, true],
    ['docker.io', undefined, 'https://registry-1.docker.io/v2/x', true, true],
    ['r.example.com:5000', undefined, 'https://r.example.com:5000/v2/x', true, true],
    ['r.example.com:5000', true, 'http://r.example.com:5000/v2/x', false, true],
    ['localhost:5000', undefined, 'http://localhost:5000/v2/x', true, false],
    ['127.0.0.1:5000', true, 'http://127.0.0.1:5000/v2/x', true, true],
    ['127.0.0.1:5000', false, 'https://127.0.0.1:5000/v2/x', true, true],
    ['[::1]:5000', undefined, 'http://[::1]:5000/v2/x', true, false],
    ['127.0.0.1.example.com', undefined, 'https://127.0.0.1.example.com/v2/x', true, true],
    ['10.0.0.1', undefined, 'https://10.0.0.1/v2/x', true, true],
  ])('C02 of %s (plain http: %s) is %s', (registry, plainHttp, url, isPrivate, settled) => {
    expect(locate(registry, plainHttp, false)).toEqual({ url, isPrivate, settled });
  });

  it.each([
    ['r.example.com', undefined, 'https://r.example.com/v2/x', true, false],
    ['r.example.com', true, 'http://r.example.com/v2/x', false, true],
    ['localhost:5000', undefined, 'http://localhost:5000/v2/x', true, false],
  ])(
    'of %s (plain http: %s), which may be insecure, is %s',
    (registry, plainHttp, url, isPrivate, settled) => {
      expect(locate(registry, plainHttp, true)).toEqual({ url, isPrivate, settled });
    },
  );
});
