import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../src/registry/proxy.js';
import { peersMissing } from '../support/peers.js';

/** The list, the address, whether it is reached without a proxy; `ours` where curl 7.88 knows no such entry. */
const table: readonly (readonly [string, string, boolean, 'ours'?])[] = [
  ['', 'http://a.example/', false],
  ['*', 'http://a.example/', true],
  ['b.example,*', 'http://a.example/', true, 'ours'],
  ['a.example', 'http://a.example/', true],
  ['A.Example', 'http://a.eXample/', true],
  ['a.example.', 'http://a.example/', true],
  ['a.example', 'http://a.example./', true],
  ['a.example', 'http://r.a.example/', true],
  ['a.example', 'http://ba.example/', false],
  ['.a.example', 'http://r.a.example/', true],
  ['.a.example', 'http://a.example/', true],
  ['*.a.example', 'http://r.a.example/', true, 'ours'],
  ['*.a.example', 'http://ba.example/', false],
  ['b.example,a.example', 'http://a.example/', true],
  ['b.example , a.example', 'http://a.example/', true],
  ['b.example a.example', 'http://a.example/', true],
  [',,a.example,', 'http://a.example/', true],
  ['.', 'http://a.example/', false],
  ['a.example:8080', 'http://a.example:8080/', true, 'ours'],
  ['a.example:8080', 'http://a.example/', false],
  ['a.example:80', 'http://a.example/', true, 'ours'],
  ['a.example:443', 'https://a.example/', true, 'ours'],
  ['a.example', 'http://a.example:8080/', true],
  ['192.0.2.7', 'http://192.0.2.7/', true],
  ['192.0.2.7', 'http://192.0.2.70/', false],
  ['0.2.7', 'http://192.0.2.7/', false],
  ['192.0.2.0/24', 'http://192.0.2.7/', true],
  ['192.0.2.0/24', 'http://192.0.3.7/', false],
  ['192.0.2.0/33', 'http://192.0.2.7/', false],
  ['192.0.2.7:8080', 'http://192.0.2.7:8080/', true, 'ours'],
  ['192.0.2.0/24', 'http://a.example/', false],
  ['0.0.0.0/0', 'http://192.0.2.7/', true, 'ours'],
  ['2001:db8::1', 'http://[2001:db8::1]/', true],
  ['2001:db8:0::1', 'http://[2001:db8::1]/', true, 'ours'],
  ['[2001:db8::1]', 'http://[2001:db8::1]/', true, 'ours'],
  ['[2001:db8::1]:8080', 'http://[2001:db8::1]:8080/', true, 'ours'],
  ['2001:db8::/32', 'http://[2001:db8::1]/', true, 'ours'],
  ['2001:db8::/32', 'http://[2001:db9::1]/', false],
  ['2001:db8::/32', 'http://192.0.2.7/', false],
];

describe('NO_PROXY', () => {
  it.each(table.map(([list, address, direct]) => [list, address, direct] as const))(
    'of %j and %s: %s',
    (list, address, direct) => {
      const environment = {
        http_proxy: 'http://p.example:1',
        https_proxy: 'http://p.example:1',
        no_proxy: list,
      };
      expect(proxyFor(new URL(address), environment) === undefined).toBe(direct);
    },
  );

  it.skipIf(peersMissing('curl'))('is read as curl reads it', () => {
    const differing = table
      .filter(([, , , ours]) => ours === undefined)
      .filter(([list, address, direct]) => usesProxy(list, address) === direct);
    expect(differing).toEqual([]);
  });

  it.each(['localhost', 'registry.localhost', '127.0.0.1', '127.8.9.1', '[::1]'])(
    'or not: %s never',
    (host) => {
      expect(proxyFor(new URL(`http://${host}:5000/`), { http_proxy: 'http://p.example:1' })).toBeUndefined();
    },
  );
});

describe('the variables of proxies', () => {
  it.each(['http', 'https'])('C16 give the login of a proxy for %s apart from its address', (scheme) => {
    const environment = { all_proxy: 'http://ada:ho%40rse@p.example:3128/path?query' };
    const proxy = proxyFor(new URL(`${scheme}://a.example/`), environment);
    expect(proxy?.url.href).toBe('http://p.example:3128/');
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from('ada:ho@rse').toString('base64')}`);
  });

  const chosen = (address: string, environment: Record<string, string>) =>
    proxyFor(new URL(address), environment)?.variable;
  it.each([
    ['https://a.example/', { https_proxy: 'p', HTTPS_PROXY: 'p' }, 'https_proxy'],
    ['https://a.example/', { HTTPS_PROXY: 'p', all_proxy: 'p' }, 'HTTPS_PROXY'],
    ['https://a.example/', { https_proxy: '', HTTPS_PROXY: 'p' }, 'HTTPS_PROXY'],
    ['https://a.example/', { http_proxy: 'p', HTTP_PROXY: 'p' }, undefined],
    ['https://a.example/', { ALL_PROXY: 'p' }, 'ALL_PROXY'],
    ['http://a.example/', { HTTP_PROXY: 'p' }, 'HTTP_PROXY'],
    ['http://a.example/', { HTTP_PROXY: 'p', REQUEST_METHOD: 'GET' }, undefined],
    ['http://a.example/', { http_proxy: 'p', REQUEST_METHOD: 'GET' }, 'http_proxy'],
    ['http://a.example/', { https_proxy: 'p', HTTPS_PROXY: 'p' }, undefined],
    ['http://a.example/', { all_proxy: 'p', ALL_PROXY: 'p' }, 'all_proxy'],
    ['http://a.example/', { http_proxy: 'p', no_proxy: '', NO_PROXY: 'a.example' }, undefined],
    ['http://a.example/', { http_proxy: 'p', no_proxy: 'b.example', NO_PROXY: 'a.example' }, 'http_proxy'],
  ] as [string, Record<string, string>, string | undefined][])(
    'for %s of %j: %s',
    (address, environment, variable) => {
      expect(chosen(address, environment)).toBe(variable);
    },
  );

  it.each([
    ['p.example:3128', 'http://p.example:3128', undefined],
    ['http://p.example', 'http://p.example', undefined],
    ['https://p.example:3128/path?x', 'https://p.example:3128', undefined],
    ['http://[2001:db8::1]:3128', 'http://[2001:db8::1]:3128', undefined],
    ['http://ada:p%40ss%2Fword@p.example', 'http://p.example', 'ada:p@ss/word'],
    ['http://ada@p.example', 'http://p.example', 'ada:'],
    ['http://ada:100%@p.example', 'http://p.example', 'ada:100%'],
  ])('may name %s', (value, address, login) => {
    const proxy = proxyFor(new URL('http://a.example/'), { http_proxy: value });
    expect(proxy?.url.origin).toBe(address);
    expect(proxy?.url.href).toBe(`${address}/`);
    expect(proxy?.authorization).toBe(
      login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
    );
  });
});

/** curl says which variable it takes before it connects anywhere. */
function usesProxy(list: string, address: string): boolean {
  const { stderr } = spawnSync('curl', ['-sv', '--max-time', '0.3', address], {
    env: { PATH: process.env.PATH ?? '', http_proxy: 'http://127.0.0.1:1', no_proxy: list },
    encoding: 'utf8',
  });
  return stderr.includes('Uses proxy env variable http_proxy');
}
