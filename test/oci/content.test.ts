import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildImage,
  canonicalJson,
  chainId,
  choosePlatform,
  createDigester,
  type Descriptor,
  type Digest,
  describe as describeBytes,
  digestAlgorithm,
  digestHex,
  digestOf,
  type Index,
  imageLayers,
  isDigest,
  mediaTypes,
  nodePlatform,
  parseConfig,
  parseDigest,
  parseJson,
  parseManifest,
  parsePlatform,
  successors,
} from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

const hex = 'a'.repeat(64);
const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const coded = (code: string, message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

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

const digest = digestOf('x');
const layer: Descriptor = { mediaType: mediaTypes.layerTarGzip, digest, size: 1 };
const config: Descriptor = { mediaType: mediaTypes.imageConfig, digest, size: 1 };
const manifest = { schemaVersion: 2, config, layers: [layer] };
const parse = (value: unknown, mediaType: string = mediaTypes.imageManifest) => {
  const bytes = encode(value);
  return parseManifest(bytes, { ...describeBytes(mediaType, bytes) });
};

describe('manifests', () => {
  it('takes manifests and indexes, OCI and Docker', () => {
    expect(parse(manifest)).toEqual({ kind: 'manifest', manifest });
    expect(parse({ ...manifest, mediaType: mediaTypes.dockerManifest }, mediaTypes.dockerManifest).kind).toBe(
      'manifest',
    );
    const index = { schemaVersion: 2, manifests: [layer] };
    expect(parse(index, mediaTypes.imageIndex)).toEqual({ kind: 'index', index });
    expect(parse(index, mediaTypes.dockerManifestList).kind).toBe('index');
    expect(successors(parse(manifest))).toEqual([config, layer]);
    expect(successors(parse(index, mediaTypes.imageIndex))).toEqual([layer]);
  });

  it.each([
    [
      'the media type of an index',
      { ...manifest, mediaType: mediaTypes.imageIndex },
      mediaTypes.imageManifest,
    ],
    [
      'the media type of Docker',
      { ...manifest, mediaType: mediaTypes.dockerManifest },
      mediaTypes.imageManifest,
    ],
    ['a media type that is a number', { ...manifest, mediaType: 2 }, mediaTypes.imageManifest],
    ['both layers and manifests', { ...manifest, manifests: [] }, mediaTypes.imageManifest],
    ['both, as an index', { ...manifest, manifests: [] }, mediaTypes.imageIndex],
    ['a config in an index', { schemaVersion: 2, config, manifests: [] }, mediaTypes.imageIndex],
    ['an index given as a manifest', { schemaVersion: 2, manifests: [] }, mediaTypes.imageManifest],
    ['a manifest given as an index', manifest, mediaTypes.imageIndex],
  ])('B03 rejects %s', (_what, value, mediaType) => {
    expect(() => parse(value, mediaType)).toThrow(coded('MANIFEST_INVALID'));
  });

  it.each([
    'application/vnd.docker.distribution.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ])('B05 names %s', (mediaType) => {
    expect(() => parse({ schemaVersion: 1, fsLayers: [] }, mediaType)).toThrow(
      coded('MEDIA_TYPE_UNSUPPORTED', 'schema 1'),
    );
  });

  it('B05 rejects schema 1 that calls itself something else', () => {
    expect(() => parse({ schemaVersion: 1, fsLayers: [] })).toThrow(
      coded('MANIFEST_INVALID', 'schemaVersion'),
    );
  });

  it.each(['text/html', 'application/json', mediaTypes.imageConfig])(
    'B04 names the media type %s',
    (mediaType) => {
      expect(() => parse(manifest, mediaType)).toThrow(coded('MEDIA_TYPE_UNSUPPORTED', mediaType));
    },
  );

  it.each([
    ['a size below zero', { size: -1 }],
    ['a fraction', { size: 1.5 }],
    ['a size beyond what is exact', { size: 2 ** 53 }],
    ['a size in quotes', { size: '1' }],
    ['a short digest', { digest: 'sha256:abc' }],
    ['an unknown algorithm', { digest: `md5:${'a'.repeat(32)}` }],
    ['upper-case hex', { digest: `sha256:${hex.toUpperCase()}` }],
    ['no media type', { mediaType: '' }],
    ['a media type with a newline', { mediaType: 'a/b\n' }],
    ['annotations that are numbers', { annotations: { a: 1 } }],
  ])('B07 rejects a descriptor with %s', (_what, change) => {
    for (const value of [
      { ...manifest, layers: [layer, { ...layer, ...change }] },
      { ...manifest, config: { ...config, ...change } },
      { ...manifest, subject: { ...config, ...change } },
    ])
      expect(() => parse(value)).toThrow(coded('MANIFEST_INVALID', 'malformed at '));
  });

  it.each([null, [], 1, 'x', {}])('rejects %j', (value) => {
    expect(() => parse(value === 'x' ? '"x"' : value)).toThrow(coded('MANIFEST_INVALID'));
  });

  it('B08 bounds the layers of a manifest and the manifests of an index', () => {
    const many = (count: number) => Array.from({ length: count }, () => layer);
    expect(parse({ ...manifest, layers: many(1000) }).kind).toBe('manifest');
    for (const count of [1001, 100_000]) {
      expect(() => parse({ ...manifest, layers: many(count) })).toThrow(coded('MANIFEST_INVALID'));
      expect(() => parse({ schemaVersion: 2, manifests: many(count) }, mediaTypes.imageIndex)).toThrow(
        coded('MANIFEST_INVALID'),
      );
    }
  });

  it('B11 takes inline data that is what the descriptor says', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const inline = { ...layer, digest: digestOf('x', algorithm), data: 'eA==' };
      expect(parse({ ...manifest, layers: [inline] }).kind).toBe('manifest');
    }
    const empty = { ...layer, digest: digestOf(''), size: 0, data: '' };
    expect(parse({ ...manifest, config: empty }).kind).toBe('manifest');
  });

  it.each([
    ['of another digest', { data: 'eQ==' }],
    ['of another size', { data: 'eA==', size: 2 }],
    ['that is longer', { data: 'eHg=' }],
    ['that is not base64', { data: '*' }],
    ['without padding', { data: 'eA' }],
    ['in URL form', { data: '-w==', digest: digestOf(Buffer.from([0xfb])) }],
    ['with white space', { data: 'eA==\n' }],
    ['that is empty', { data: '' }],
  ])('B11 rejects inline data %s', (_what, change) => {
    const inline = { ...layer, ...change };
    for (const value of [
      { ...manifest, layers: [inline] },
      { ...manifest, config: inline },
      { ...manifest, subject: inline },
    ])
      expect(() => parse(value)).toThrow(coded('MANIFEST_INVALID', 'inline data'));
    expect(() => parse({ schemaVersion: 2, manifests: [inline] }, mediaTypes.imageIndex)).toThrow(
      coded('MANIFEST_INVALID', 'inline data'),
    );
  });

  it('reads back what buildImage builds, byte for byte the same', () => {
    const parts = {
      layers: [{ descriptor: layer, diffId: digestOf('d') }],
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
      annotations: { b: '1', a: '2' },
      created: '2026-01-01T00:00:00Z',
      createdBy: 'test',
    };
    const image = buildImage(parts);
    expect(buildImage({ ...parts, annotations: { a: '2', b: '1' } })).toEqual(image);
    const parsed = parseManifest(image.manifest.bytes, image.manifest.descriptor);
    if (parsed.kind !== 'manifest') throw new Error('not a manifest');
    const read = parseConfig(image.config.bytes, image.config.descriptor);
    expect(imageLayers(parsed.manifest, read)).toEqual(parts.layers);
    expect(() => imageLayers({ ...parsed.manifest, layers: [] }, read)).toThrow(
      coded('MANIFEST_INVALID', '0 layers'),
    );
  });

  it.each([
    {},
    { rootfs: {} },
    { rootfs: { type: 'x', diff_ids: [] } },
    { rootfs: { type: 'layers', diff_ids: ['x'] } },
  ])('rejects the config %j', (value) => {
    expect(() => parseConfig(encode(value), config)).toThrow(coded('MANIFEST_INVALID', `config ${digest}`));
  });
});

describe('platforms', () => {
  const entry = (name: string, os?: string, architecture = 'amd64', more = {}): Descriptor => ({
    mediaType: mediaTypes.imageManifest,
    digest: digestOf(name),
    size: 1,
    annotations: { name },
    ...(os === undefined ? {} : { platform: { os, architecture, ...more } }),
  });
  const index = (...manifests: Descriptor[]): Index => ({ schemaVersion: 2, manifests });
  const choose = (manifests: Descriptor[], os: string, architecture: string, variant?: string) =>
    choosePlatform(index(...manifests), { os, architecture, ...(variant === undefined ? {} : { variant }) })
      .annotations?.name;
  const linux = entry('linux', 'linux');
  const arm64 = entry('arm64', 'linux', 'arm64', { variant: 'v8' });
  const darwin = entry('darwin', 'darwin', 'arm64');
  const any = entry('any');

  it.each<[string, Descriptor[], [string, string, string?], string]>([
    ['the exact one', [linux, arm64, darwin], ['darwin', 'arm64'], 'darwin'],
    [
      'the first of several that fit',
      [entry('one', 'linux'), entry('two', 'linux')],
      ['linux', 'amd64'],
      'one',
    ],
    ['arm64 as arm64/v8', [linux, arm64], ['linux', 'arm64'], 'arm64'],
    [
      'arm as arm/v7',
      [entry('v6', 'linux', 'arm', { variant: 'v6' }), entry('v7', 'linux', 'arm', { variant: 'v7' })],
      ['linux', 'arm'],
      'v7',
    ],
    [
      'the variant that is asked for',
      [entry('v7', 'linux', 'arm', { variant: 'v7' }), entry('v6', 'linux', 'arm', { variant: 'v6' })],
      ['linux', 'arm', 'v6'],
      'v6',
    ],
    [
      'a variant where none is asked for',
      [entry('v3', 'linux', 'amd64', { variant: 'v3' })],
      ['linux', 'amd64'],
      'v3',
    ],
    [
      'the plain one before a variant',
      [entry('v3', 'linux', 'amd64', { variant: 'v3' }), linux],
      ['linux', 'amd64'],
      'linux',
    ],
    ['one without a platform before that of another', [linux, any], ['darwin', 'arm64'], 'any'],
    ['that for the same architecture on Linux', [linux, arm64], ['darwin', 'arm64'], 'arm64'],
    ['that for linux/amd64 at last', [entry('s390x', 'linux', 's390x'), linux], ['darwin', 'arm64'], 'linux'],
    [
      'no attestation',
      [
        {
          ...entry('a', 'linux'),
          annotations: { name: 'a', 'vnd.docker.reference.type': 'attestation-manifest' },
        },
        linux,
      ],
      ['linux', 'amd64'],
      'linux',
    ],
    [
      'nothing of an unknown platform',
      [entry('u', 'unknown', 'unknown'), entry('w', 'windows')],
      ['windows', 'amd64'],
      'w',
    ],
    [
      'the nearest lower variant',
      [
        entry('v5', 'linux', 'arm', { variant: 'v5' }),
        entry('v6', 'linux', 'arm', { variant: 'v6' }),
        entry('v8', 'linux', 'arm', { variant: 'v8' }),
      ],
      ['linux', 'arm', 'v7'],
      'v6',
    ],
    [
      'what an arm64 runs of 32 bits',
      [linux, entry('v6', 'linux', 'arm', { variant: 'v6' }), entry('v7', 'linux', 'arm', { variant: 'v7' })],
      ['linux', 'arm64'],
      'v7',
    ],
    ['386 on amd64', [entry('386', 'windows', '386'), linux], ['windows', 'amd64'], '386'],
    [
      'amd64/v2 for v3, not v4',
      [
        linux,
        entry('v4', 'linux', 'amd64', { variant: 'v4' }),
        entry('v2', 'linux', 'amd64', { variant: 'v2' }),
      ],
      ['linux', 'amd64', 'v3'],
      'v2',
    ],
    [
      'one that asks for no features of the system',
      [entry('win32k', 'windows', 'amd64', { 'os.features': ['win32k'] }), entry('plain', 'windows')],
      ['windows', 'amd64'],
      'plain',
    ],
    ['no artifact', [{ ...any, mediaType: 'application/x' }, linux], ['darwin', 'arm64'], 'linux'],
    ['an index inside', [{ ...linux, mediaType: mediaTypes.imageIndex }], ['linux', 'amd64'], 'linux'],
  ])('B10 chooses %s', (_what, manifests, [os, architecture, variant], name) => {
    expect(choose(manifests, os, architecture, variant)).toBe(name);
  });

  it('B10 chooses the build of Windows', () => {
    const builds = ['10.0.17763.1', '10.0.20348.99'].map((version) =>
      entry(version, 'windows', 'amd64', { 'os.version': version }),
    );
    const wanted = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2700' };
    expect(choosePlatform(index(...builds), wanted).annotations?.name).toBe('10.0.20348.99');
  });

  it('B10 lists no attestation among what there is', () => {
    const unknown = entry('a', 'unknown', 'unknown');
    expect(() => choose([unknown, darwin], 'linux', 'amd64')).toThrow(
      coded('PLATFORM_UNMATCHED', 'there is: darwin/arm64'),
    );
    expect(() => choose([unknown, darwin], 'linux', 'amd64')).not.toThrow('unknown');
  });

  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['macos/aarch64', { os: 'darwin', architecture: 'arm64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
  ])('reads the platform %s', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/amd64/', 'a/b/c/d', 'linux/am d64'])(
    'takes "%s" for no platform',
    (text) => {
      expect(() => parsePlatform(text)).toThrow(coded('USAGE', 'is no platform'));
    },
  );

  it('B10 lists what there is where nothing fits', () => {
    expect(() =>
      choose([darwin, entry('w', 'windows', 'arm64', { variant: 'v8' })], 'linux', 'amd64'),
    ).toThrow(
      coded('PLATFORM_UNMATCHED', 'No image for linux/amd64; there is: darwin/arm64, windows/arm64/v8'),
    );
    expect(() => choose([], 'linux', 'amd64')).toThrow(coded('PLATFORM_UNMATCHED', 'none'));
  });

  it.each([
    ['linux', 'x64', 'linux', 'amd64'],
    ['darwin', 'arm64', 'darwin', 'arm64'],
    ['win32', 'ia32', 'windows', '386'],
    ['linux', 's390x', 'linux', 's390x'],
  ])('nodePlatform(%s, %s)', (platform, arch, os, architecture) => {
    expect(nodePlatform(platform, arch)).toEqual({ os, architecture });
  });
});
