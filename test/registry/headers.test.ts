import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.js';
import { parseNextLink } from '../../src/registry/link.js';
import { parseRetryAfter } from '../../src/registry/retry-after.js';

const plain = (headers: string[]) =>
  parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('WWW-Authenticate', () => {
  it.each([
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    ['BASIC Realm=x', [['basic', { realm: 'x' }]]],
    ['Basic', [['basic', {}]]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:a/b:pull,push',
          },
        ],
      ],
    ],
    ['Bearer realm="a, Basic realm=b"', [['bearer', { realm: 'a, Basic realm=b' }]]],
    ['Bearer realm="say \\"x\\\\y\\""', [['bearer', { realm: 'say "x\\y"' }]]],
    [
      'Negotiate, Basic realm="x", Bearer realm="y" , service = "z"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
        ['bearer', { realm: 'y', service: 'z' }],
      ],
    ],
    [
      'Negotiate YII+/x==, Basic realm=x',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Bearer realm="x" service="y"', [['bearer', { realm: 'x', service: 'y' }]]],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
    [', ,Basic realm="",', [['basic', { realm: '' }]]],
    ['Bearer realm="never ends', [['bearer', {}]]],
    ['"nonsense"', []],
    ['', []],
  ])('reads %s', (header, expected) => {
    expect(plain([header])).toEqual(expected);
  });

  it('reads several headers', () => {
    expect(plain(['Basic realm="a"', 'Bearer realm="b"'])).toEqual([
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ]);
  });
});

describe('Link', () => {
  it.each([
    ['</v2/a/tags/list?n=2&last=x>; rel="next"', '/v2/a/tags/list?n=2&last=x'],
    ['</x>; rel=next', '/x'],
    ['</x>;REL="prev next"', '/x'],
    ['</a>; rel="prev", </b>; title="c, d; e"; rel="next"', '/b'],
    ['</a>; title="; rel=next"', undefined],
    ['</a>; rel="nextish"', undefined],
    ['</a>; title="next"; rev=next', undefined],
    ['/a; rel="next"', undefined],
    ['', undefined],
  ])('finds the next page of %s', (header, expected) => {
    expect(parseNextLink([header])).toBe(expected);
  });
});

describe('Retry-After', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  it.each([
    ['C06 seconds', '120', undefined, 120_000],
    ['C06 nothing', undefined, date, undefined],
    ['C06 zero', '0', undefined, 0],
    ['C06 a date', 'Wed, 21 Oct 2026 07:28:30 GMT', date, 30_000],
    ['C06 a date that is past', 'Wed, 21 Oct 2026 07:00:00 GMT', date, 0],
    ['C06 a date, of an unknown now', 'Wed, 21 Oct 2026 07:28:30 GMT', undefined, undefined],
    ['C06 an absurd number', '99999999999999999999', date, undefined],
    ['C06 an absurd date', 'Wed, 21 Oct 2126 07:28:30 GMT', date, undefined],
    ['C06 a negative number', '-5', date, undefined],
    ['C06 nonsense', 'soon', date, undefined],
  ])('%s', (_name, value, now, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});
