import { parseChallenges } from '../../../src/registry/challenge.js';
import { chooseChallenge } from '../../../src/registry/challenge-choice.js';
import { parseNextLink } from '../../../src/registry/link.js';
import { bypassesProxy } from '../../../src/registry/no-proxy.js';
import { isRange } from '../../../src/registry/ranges.js';
import type { HttpResponse } from '../../../src/registry/response.js';
import { parseRetryAfter } from '../../../src/registry/retry-after.js';
import { type FuzzedParser, mustBe } from './parser.js';

/** What registries and proxies say. */
export const networkParsers: readonly FuzzedParser[] = [
  {
    name: 'C05 Link',
    samples: [
      '</v2/a/tags/list?n=2&last=x>; rel="next"',
      '</a>; rel="prev", </b>; title="c, d; e"; rel="next"',
      '</x>;REL=next',
    ],
    words: ['<>', 'rel=', 'rel="next"', '="\\"', '; '],
    codes: [],
    run(input) {
      const target = parseNextLink([input]);
      mustBe(target === undefined || input.includes(`<${target}>`), 'a target that is not there');
    },
  },
  {
    name: 'C01 WWW-Authenticate',
    samples: [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      'Negotiate YII+/x==, Basic realm="x", Bearer realm="y" , service = "z"',
    ],
    words: ['Bearer ', 'Basic ', 'realm=', '="\\"', 'a==', ', '],
    codes: [],
    run(input) {
      const challenges = parseChallenges([input]);
      for (const { scheme, parameters } of challenges)
        mustBe(
          /^[^\s",=]+$/.test(scheme) && [...parameters.keys()].every((name) => /^[^\s",=]+$/.test(name)),
          'a name that is none',
        );
      return chooseChallenge(challenges);
    },
  },
  {
    name: 'C08 Content-Range',
    samples: ['bytes 5-9/10', 'bytes 5-9/*'],
    words: ['bytes ', '5-9', '/10', '0-9/10'],
    codes: [],
    run(input) {
      const header = (name: string) => (name === 'content-range' ? input : undefined);
      const taken = isRange({ status: 206, header } as HttpResponse, 5, 9, 10);
      mustBe(taken === ['bytes 5-9/10', 'bytes 5-9/*'].includes(input), `${input} is taken`);
    },
  },
  {
    name: 'C06 Retry-After',
    samples: ['120', 'Wed, 21 Oct 2026 07:28:30 GMT'],
    words: ['GMT', '2126', '-', '1e3'],
    codes: [],
    run(input) {
      const wait = parseRetryAfter(input, 'Wed, 21 Oct 2026 07:28:00 GMT');
      mustBe(wait === undefined || (wait >= 0 && wait <= 7 * 24 * 3600 * 1000), `to wait for ${wait}`);
    },
  },
  {
    name: 'C NO_PROXY',
    samples: ['example.com,.internal,10.0.0.0/8,[::1]:80,*'],
    words: ['/33', '/', '::', '*.'],
    codes: [],
    run: (input) => bypassesProxy(input, new URL('https://registry.example.com:5000/')),
  },
];
