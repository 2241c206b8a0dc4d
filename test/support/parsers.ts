import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { parseCatalog } from '../../src/catalog/index.js';
import { type ArchiveKind, openArchive } from '../../src/content/index.js';
import { parseCredentialFile } from '../../src/credentials/file.js';
import { parseLock } from '../../src/engine/lock-schema.js';
import { EngineshedError, type ErrorCode } from '../../src/errors/index.js';
import { decompress } from '../../src/layer/decompress.js';
import { parseDockerignore } from '../../src/layer/ignore.js';
import { globTest } from '../../src/look/glob.js';
import { versionOf } from '../../src/look/versions.js';
import { readRegistriesConf } from '../../src/mirrors/index.js';
import {
  buildImage,
  describe,
  digestHex,
  digestOf,
  formatPlatform,
  formatReference,
  mediaTypes,
  parseConfig,
  parseDigest,
  parseJson,
  parseManifest,
  parsePlatform,
  parseReference,
  parseReferrers,
  parseRegistry,
  parseTag,
} from '../../src/oci/index.js';
import { parseChallenges } from '../../src/registry/challenge.js';
import { chooseChallenge } from '../../src/registry/challenge-choice.js';
import { parseNextLink } from '../../src/registry/link.js';
import { bypassesProxy } from '../../src/registry/no-proxy.js';
import { isRange } from '../../src/registry/ranges.js';
import type { HttpResponse } from '../../src/registry/response.js';
import { parseRetryAfter } from '../../src/registry/retry-after.js';
import { readHistory } from '../../src/store/history.js';
import { storePaths } from '../../src/store/paths.js';
import { readEngineFile } from '../../src/store/record.js';
import { TarReader } from '../../src/tar/reader.js';
import { formatBundle, parseBundle } from '../../src/trust/bundle.js';
import { signEnvelope, signersOf } from '../../src/trust/dsse.js';
import { parsePrivateKey, parsePublicKey } from '../../src/trust/index.js';
import { formatStatement, parseStatement, statementType } from '../../src/trust/statement.js';
import { newKey } from './signing.js';
import * as tar from './tar-archive.js';

/** A parser of something from outside, as the fuzzer sees it. */
export interface FuzzedParser {
  readonly name: string;
  /** Valid inputs; bytes as latin1 where `bytes` is set. */
  readonly samples: readonly string[];
  /** Inputs that once did harm. */
  readonly regressions?: readonly string[];
  /** Words that mean something to it. */
  readonly words?: readonly string[];
  /** The only codes that it may refuse with; none where it takes everything. */
  readonly codes: readonly ErrorCode[];
  /** What its errors must not tell, where the samples have it. */
  readonly secret?: string;
  /** Whether the inputs are bytes as latin1. */
  readonly bytes?: boolean;
  /**
   * Parses, and checks what came out as far as there is something to check: throws an `Error` where a value is not what it
   * should be.
   * @param scratch a path for a file
   */
  run(input: string, scratch: string): unknown;
}

const image = buildImage({
  layers: [{ descriptor: describe(mediaTypes.layerTarGzip, Buffer.from('x')), diffId: digestOf('y') }],
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  annotations: { 'org.opencontainers.image.version': '1' },
  created: '2026-01-01T00:00:00Z',
  createdBy: 'test',
});
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const utf8 = (input: string) => Buffer.from(input, 'utf8');
const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.imageIndex,
  manifests: [
    {
      ...image.manifest.descriptor,
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {
        'org.opencontainers.image.ref.name': '1',
        'io.containerd.image.name': 'docker.io/library/x:1',
      },
    },
  ],
});
const jsonWords = [
  '"size":',
  '"digest":',
  '"layers":',
  '"manifests":',
  '"mediaType":',
  '"data":',
  '"a":1,"a":1',
  '"__proto__":',
  '\\u0061',
  '\\ud800',
];
const hex = 'a'.repeat(64);

const tarSample = latin1(
  tar.archive(
    tar.directory('d'),
    tar.pax({ path: 'd/long', mtime: '1.5' }),
    tar.file('short', 'content'),
    tar.gnuLong('L', 'l'.repeat(120)),
    tar.symlink('s', 'd'),
    tar.hardlink('h', 'd/long'),
    tar.pax({ comment: 'x' }, 'g'),
  ),
);
const oldArchive = latin1(
  tar.archive(
    tar.file('config.json', image.config.bytes as Buffer),
    tar.file('l/layer.tar', 'layer'),
    tar.symlink('m/layer.tar', '../l/layer.tar'),
    tar.file(
      'manifest.json',
      JSON.stringify([{ Config: 'config.json', RepoTags: ['acme/x:1'], Layers: ['m/layer.tar'] }]),
    ),
  ),
);
const newArchive = latin1(
  tar.archive(
    tar.file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    tar.file('index.json', index),
    tar.file(`blobs/sha256/${image.manifest.descriptor.digest.slice(7)}`, image.manifest.bytes as Buffer),
  ),
);

async function readArchive(kind: ArchiveKind, input: string, scratch: string): Promise<void> {
  writeFileSync(scratch, input, 'latin1');
  const archive = openArchive(kind, scratch, 'the archive');
  for await (const tag of archive.tags()) await archive.resolve(tag);
  await archive.images?.();
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function unpack(input: string, compression: 'gzip' | 'zstd'): Promise<void> {
  let size = 0;
  for await (const chunk of decompress(once(Buffer.from(input, 'latin1')), compression)) {
    size += chunk.length;
    if (size > 64 * 1024 * 1024) return;
  }
}

const zstdSamples = [
  // Frames of "hello\n": with a checksum, in one segment, and one that is to be skipped before it.
  '28b52ffd0458310000686560c6c6f0a',
].map(() => Buffer.from('28b52ffd200631000068656c6c6f0a', 'hex').toString('latin1'));

const engineSample = JSON.stringify({
  contract: 1,
  name: 'train',
  id: '0123456789abcdef',
  installed: '2026-01-01T00:00:00Z',
  description: '',
  kind: 'channel',
  catalog: 'built-in',
  sources: { engine: { kind: 'directory', path: '/x', directory: '/x' } },
  parts: [{ type: 'core-engine', source: 'engine', path: '.', directory: '/x' }],
  environment: { set: { A: 'b' }, unset: ['C'] },
});

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

function mustBe(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const signingKey = newKey('one');
const statement = formatStatement(digestOf('x'), 'it', {
  predicateType: 'https://example.com/x',
  predicate: {},
});
const bundleSample = text(
  formatBundle(signEnvelope(statementType, statement, signingKey), signingKey.public.id),
);
const publicPem = signingKey.public.key.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = signingKey.key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Every parser of what comes from outside. */
export const parsers: readonly FuzzedParser[] = [
  {
    name: 'A tar archives',
    samples: [tarSample, oldArchive],
    words: ['ustar\0' + '00', 'path=', '\0'.repeat(512), '0000777\0', '\x80\0\0\0'],
    codes: ['LAYER_INVALID', 'LAYER_UNSAFE'],
    bytes: true,
    run(input) {
      let [due, given] = [0, 0];
      const reader = new TarReader({
        entry: ({ size }) => {
          mustBe(Number.isSafeInteger(size) && size >= 0, `a size of ${size}`);
          due += size;
        },
        data: (_, start, end) => {
          given += end - start;
        },
        endFile: () => {},
      });
      const bytes = Buffer.from(input, 'latin1');
      for (let at = 0; at < bytes.length; at += 700) reader.push(bytes.subarray(at, at + 700));
      reader.end();
      mustBe(due === given, `${due} bytes were announced and ${given} came`);
    },
  },
  {
    name: 'A gzip members',
    samples: [latin1(gzipSync('content'.repeat(500))), latin1(Buffer.concat([gzipSync('a'), gzipSync('b')]))],
    words: ['\x1f\x8b\x08', latin1(gzipSync(''))],
    codes: ['LAYER_INVALID'],
    bytes: true,
    run: (input) => unpack(input, 'gzip'),
  },
  {
    name: 'A oci-archives',
    samples: [newArchive],
    words: jsonWords,
    codes: [
      'ARCHIVE_INVALID',
      'MANIFEST_INVALID',
      'JSON_INVALID',
      'MEDIA_TYPE_UNSUPPORTED',
      'REFERENCE_NOT_FOUND',
      'CONTENT_NOT_FOUND',
      'DIGEST_MISMATCH',
      'SIZE_MISMATCH',
    ],
    bytes: true,
    run: (input, scratch) => readArchive('oci-archive', input, scratch),
  },
  {
    name: 'A docker-archives',
    samples: [oldArchive, newArchive],
    words: jsonWords,
    codes: [
      'ARCHIVE_INVALID',
      'MANIFEST_INVALID',
      'JSON_INVALID',
      'MEDIA_TYPE_UNSUPPORTED',
      'REFERENCE_NOT_FOUND',
      'CONTENT_NOT_FOUND',
      'DIGEST_MISMATCH',
      'SIZE_MISMATCH',
    ],
    bytes: true,
    run: (input, scratch) => readArchive('docker-archive', input, scratch),
  },
  {
    name: 'B12 JSON',
    samples: [text(image.manifest.bytes), index, '{"a":[1,"x",{"b":null}]}', '"\\u0061\\\\\\""'],
    words: jsonWords,
    codes: ['JSON_INVALID'],
    run(input) {
      const value = parseJson(utf8(input), 'document');
      mustBe(
        JSON.stringify(value) === JSON.stringify(JSON.parse(utf8(input).toString())),
        'JSON.parse reads it otherwise',
      );
      mustBe(!hasKey(value, '__proto__'), 'a key __proto__');
    },
  },
  {
    name: 'B manifests',
    samples: [text(image.manifest.bytes)],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'MEDIA_TYPE_UNSUPPORTED'],
    run: (input) => parseManifest(utf8(input), { ...image.manifest.descriptor }),
  },
  {
    name: 'B indexes',
    samples: [index],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'MEDIA_TYPE_UNSUPPORTED'],
    run: (input) => [
      parseManifest(utf8(input), describe(mediaTypes.imageIndex, utf8(input))),
      parseReferrers(utf8(input), 'referrers'),
    ],
  },
  {
    name: 'B configs',
    samples: [text(image.config.bytes)],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID'],
    run: (input) => parseConfig(utf8(input), image.config.descriptor),
  },
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
    name: 'E04 engine.json',
    samples: [engineSample],
    words: ['"parts":', '"sources":null', '"environment":', '[null]', '"contract":2', '1'],
    regressions: [
      engineSample.replace(/"sources":{.*?}}/, '"sources":null'),
      engineSample.replace(/"parts":\[.*?\]/, '"parts":[null]'),
      engineSample.replace(/"set":{.*?}/, '"set":null'),
    ],
    codes: ['STORE_CORRUPT', 'STORE_VERSION'],
    run(input, scratch) {
      writeFileSync(scratch, input);
      const engine = readEngineFile(scratch);
      if (engine === undefined) throw new Error('it is there');
      const { parts, sources, environment } = engine;
      const texts = [
        ...parts.flatMap(({ type, source, path, directory }) => [type, source, path, directory]),
        ...Object.values(sources).map(({ directory }) => directory),
        ...Object.values(environment.set),
        ...environment.unset,
      ];
      mustBe(
        texts.every((value) => typeof value === 'string'),
        'something that is no text',
      );
    },
  },
  {
    name: 'E05 history',
    samples: [
      '{"number":1,"time":"2026-01-01T00:00:00Z","change":"install train","active":"train","engines":{"train":"0123456789abcdef"}}',
    ],
    words: ['"engines":', '"active":null', '"number":2'],
    codes: [],
    run(input, scratch) {
      const paths = { ...storePaths(scratch), history: `${scratch}-history` };
      writeFileSync(`${paths.history}/1.json`, input);
      writeFileSync(`${paths.history}/position`, input);
      const { generations, position } = readHistory(paths);
      mustBe(
        generations.every(
          ({ number, engines }) =>
            number === 1 && Object.values(engines).every((id) => typeof id === 'string'),
        ),
        'no generation',
      );
      mustBe(position === undefined || Number.isSafeInteger(position), 'no position');
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
    name: 'F01 bundles',
    samples: [bundleSample],
    words: [
      ...jsonWords,
      '"dsseEnvelope":',
      '"messageSignature":{}',
      '"certificate":',
      '"signatures":[',
      '==',
      'AA==',
    ],
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'SIGNATURE_UNSUPPORTED'],
    run(input) {
      const envelope = parseBundle(utf8(input), 'bundle');
      if (signersOf(envelope, [signingKey.public]).length === 0) return;
      mustBe(envelope.payload.equals(statement), 'another payload is signed');
      mustBe(envelope.payloadType === statementType, 'another type is signed');
    },
  },
  {
    name: 'F01 statements',
    samples: [text(statement)],
    words: [...jsonWords, '"subject":', '"sha256":', '"predicateType":', '"_type":', hex],
    codes: ['JSON_INVALID', 'MANIFEST_INVALID'],
    run(input) {
      const said = parseStatement(utf8(input), digestOf('x'), 'statement');
      mustBe(
        said === undefined || input.includes(digestHex(digestOf('x'))) || input.includes('\\u'),
        'about another image',
      );
    },
  },
  {
    name: 'F01 public keys',
    samples: [publicPem],
    words: ['-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----', '-----BEGIN ', '\r\n', '-'],
    regressions: ['-----BEGIN A-----\n'.repeat(3000), '-'.repeat(65_536)],
    codes: ['KEY_INVALID'],
    run: (input) => parsePublicKey(input, 'key'),
  },
  {
    name: 'F01 private keys',
    samples: [privatePem],
    words: [
      '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----',
      'Proc-Type: 4,ENCRYPTED',
      'eyJrZGYiOnsibmFtZSI6',
    ],
    codes: ['KEY_INVALID', 'KEY_LOCKED', 'USAGE'],
    run: (input) =>
      parsePrivateKey(input, 'key', async () => {
        throw new EngineshedError('USAGE', 'nobody is asked');
      }),
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
  ...('createZstdDecompress' in (await import('node:zlib')).default
    ? [
        {
          name: 'A zstd frames',
          samples: zstdSamples,
          words: ['\x28\xb5\x2f\xfd', '\x50\x2a\x4d\x18\x04\0\0\0abcd'],
          codes: ['LAYER_INVALID' as const],
          bytes: true,
          run: (input: string) => unpack(input, 'zstd'),
        },
      ]
    : []),
];

function hasKey(value: unknown, key: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, key) || Object.values(value).some((inner) => hasKey(inner, key));
}
