import { describe, expect, it } from 'vitest';
import {
  buildImage,
  type Descriptor,
  describe as describeBytes,
  digestOf,
  imageLayers,
  mediaTypes,
  parseConfig,
  parseManifest,
  successors,
} from '../../src/oci/index.js';
import { coded, encode, hex } from './coded.js';

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
