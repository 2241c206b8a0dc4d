import {
  formatPlatform,
  formatReference,
  parseDigest,
  parsePlatform,
  parseReference,
  parseRegistry,
  parseTag,
} from '../../../src/oci/index.js';
import { type FuzzedParser, hex, mustBe } from './parser.js';

/** References, and what they are made of. */
export const namesParsers: readonly FuzzedParser[] = [
  {
    name: 'D01 references',
    samples: [
      'ghcr.io/acme/engine:1.0',
      `localhost:5000/a/b_c--d@sha256:${hex}`,
      '[::1]:5000/x:tag',
      'oci:dir/with@at:tag',
      `oci-archive:file.tar:tag@sha256:${hex}`,
      'docker-archive:/a/file.tar:acme/x:1',
      'busybox',
    ],
    words: ['sha256:', hex, '[', ']', 'docker.io/', 'oci:', 'C:\\', '--', '__'],
    codes: ['REFERENCE_INVALID', 'DIGEST_INVALID'],
    run(input) {
      const reference = parseReference(input);
      const again = parseReference(formatReference(reference));
      mustBe(JSON.stringify(again) === JSON.stringify(reference), `${input} reads back otherwise`);
      if (reference.transport === 'registry')
        mustBe(
          !/[^a-z0-9._/-]/.test(reference.repository) && !/(^|\/)\.\.?(\/|$)/.test(reference.repository),
          'a repository that leads elsewhere',
        );
    },
  },
  {
    name: 'D01 registries',
    samples: ['ghcr.io', 'localhost:5000/a/b', '[fe80::1]:443/x'],
    words: ['[', ']', ':0', '://'],
    codes: ['REFERENCE_INVALID'],
    run: (input) => parseRegistry(input),
  },
  {
    name: 'D01 tags',
    samples: ['latest', 'v1.0-rc.1', '_x'],
    codes: ['REFERENCE_INVALID'],
    run: (input) => parseTag(input),
  },
  {
    name: 'B07 digests',
    samples: [`sha256:${hex}`, `sha512:${hex}${hex}`],
    words: ['sha256:', 'SHA256', 'A'],
    codes: ['DIGEST_INVALID'],
    run: (input) =>
      mustBe(
        /^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$/.test(parseDigest(input)) && !input.includes('\n'),
        'no digest',
      ),
  },
  {
    name: 'B10 platforms',
    samples: ['linux/amd64', 'linux/arm/v7', 'windows/x86_64'],
    codes: ['USAGE'],
    run(input) {
      const platform = parsePlatform(input);
      mustBe(
        JSON.stringify(parsePlatform(formatPlatform(platform))) === JSON.stringify(platform),
        'reads back otherwise',
      );
    },
  },
];
