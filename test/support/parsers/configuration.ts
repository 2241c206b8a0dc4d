import { writeFileSync } from 'node:fs';
import { parseCatalog } from '../../../src/catalog/index.js';
import { parseCredentialFile } from '../../../src/credentials/file.js';
import { parseLock } from '../../../src/engine/lock-schema.js';
import { EngineshedError } from '../../../src/errors/index.js';
import { parseDockerignore } from '../../../src/layer/ignore.js';
import { globTest } from '../../../src/look/glob.js';
import { versionOf } from '../../../src/look/versions.js';
import { readRegistriesConf } from '../../../src/mirrors/index.js';
import { describe, digestOf, mediaTypes } from '../../../src/oci/index.js';
import { type FuzzedParser, image, jsonWords, mustBe, utf8 } from './parser.js';

const lockSample = JSON.stringify({
  name: 'train',
  description: 'x',
  kind: 'channel',
  catalog: 'built-in',
  sources: {
    engine: {
      kind: 'image',
      reference: 'ghcr.io/acme/engine:1',
      resolved: image.manifest.descriptor.digest,
      manifest: image.manifest.descriptor,
      config: image.config.descriptor,
      layers: [{ descriptor: describe(mediaTypes.layerTarGzip, Buffer.from('x')), diffId: digestOf('y') }],
      annotations: { a: 'b' },
    },
  },
  parts: [{ type: 'core-engine', source: 'engine', path: 'a/b' }],
  environment: [{ name: 'A', kind: 'part', part: 'core-engine', path: { linux: 'x' } }],
});

const catalogSample = `default = "train"
images = "ghcr.io/acme"
[engines.train]
description = "x"
kind = "channel"
sources.engine = { image = "engine:latest" }
sources.here = { directory = "../here" }
[engines.train.parts]
core-engine = { source = "engine", path = "engine", versions = ">=8.5.0" }
[engines.train.environment]
A = "b"
B = { part = "core-engine", path = { linux = "a", darwin = "b" } }
C = { parts = ["core-engine"], separator = ";" }
[engines."x-{version}".sources]
engine = { image = "engine:{version}" }
[[registry]]
prefix = "*.example.com"
[[registry]]
prefix = "ghcr.io/acme"
location = "mirror.example.com:5000/acme"
[[registry.mirror]]
location = "localhost:5000"
insecure = true
pull-from-mirror = "digest-only"
`;

const credentialSample = JSON.stringify({
  auths: {
    'ghcr.io': { auth: Buffer.from('user:hunter2').toString('base64') },
    'https://index.docker.io/v1/': { identitytoken: 'hunter2', username: 'u' },
    'r.example.com/a/b': { username: 'u', password: 'hunter2' },
  },
  credHelpers: { 'x.io': 'pass' },
  credsStore: 'secretservice',
});

/** What people and other programs write. */
export const configurationParsers: readonly FuzzedParser[] = [
  {
    name: 'D03 catalogs',
    samples: [catalogSample],
    words: [
      '[[registry]]',
      '[engines.',
      '"""',
      "'''",
      '= [',
      '{version}',
      '1979-05-27',
      '\\u0000',
      'inf',
      'nan',
      '# ',
    ],
    codes: ['CONFIG_INVALID'],
    run: (input) => parseCatalog(input, { name: 'engineshed.toml', baseDirectory: '/project' }),
  },
  {
    name: 'D03 registries.conf',
    samples: [
      catalogSample.slice(catalogSample.indexOf('[[registry]]')),
      'unqualified-search-registries = ["docker.io"]\n',
    ],
    words: ['[[registry]]', '[[registry.mirror]]', 'blocked = true', '"""'],
    codes: ['CONFIG_INVALID'],
    run(input, scratch) {
      writeFileSync(scratch, input);
      const environment = { CONTAINERS_REGISTRIES_CONF: scratch };
      return readRegistriesConf({ environment, home: '/nowhere', directory: '/', warn: () => {} });
    },
  },
  {
    name: 'C02 credential files',
    samples: [credentialSample],
    words: ['"auth":', '"auths":', 'dXNlcjo=', '"__proto__":'],
    codes: ['CREDENTIALS_FAILED'],
    secret: 'hunter2',
    run(input) {
      const file = parseCredentialFile(utf8(input), '/home/u/.docker/config.json', 'config');
      for (const key of file.keys) file.login(key);
    },
  },
  {
    name: 'D locks',
    samples: [lockSample],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID'],
    run: (input) => parseLock(utf8(input), 'lock'),
  },
  {
    name: '.dockerignore',
    regressions: ['\\'.repeat(32_768), `a${' '.repeat(65_536)}b`],
    samples: ['# comment\n*.log\n!keep/**\n/dir/\n**/node_modules\n[a-c]?\n', 'a\\*b\n{2,3}|x\n'],
    words: ['**', '**/', '!', '[^', '-]', '\\', '(', '|', '{1,2}'],
    codes: ['CONTENT_UNPUBLISHABLE'],
    run(input) {
      const rules = parseDockerignore(utf8(input));
      for (const path of ['dir', 'dir/a.log', 'node_modules/x']) rules.match(path, undefined);
    },
  },
  {
    name: 'globs',
    samples: ['v1.*', '[a-c]?x[!0-9]', '\\*'],
    words: ['[', ']', '*'],
    codes: ['USAGE'],
    run: (input) => globTest(input)(input.slice(0, 200)),
  },
  {
    name: 'versions',
    samples: ['1.2.3-rc.1', 'v1', '20260301', '2026-03-01'],
    words: ['.0', '-', 'v'],
    codes: [],
    run: (input) => versionOf(input),
  },
  {
    name: 'C16 texts of errors',
    regressions: ['a'.repeat(65_536)],
    samples: ['https://user:hunter2@host/x?token=hunter2', 'Bearer abcdefghijklmnop', 'plain\x1b[31m text'],
    words: ['://', '@', 'token=', 'basic '],
    codes: [],
    run(input) {
      const error = new EngineshedError('INTERNAL', input, { hint: input, details: { path: input } });
      for (const shown of [error.message, error.hint ?? '', error.details.path ?? ''])
        mustBe(
          shown.length < 10_000 && !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/.test(shown),
          'a control character, or a book',
        );
    },
  },
];
