import { describe, expect, it } from 'vitest';
import { globTest, listTags, type TagOptions } from '../../src/look/index.js';
import { sortByVersion, versionOf } from '../../src/look/versions.js';
import { buildImage, isReferrersTag, mediaTypes } from '../../src/oci/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { recorder, scripted, target } from '../support/registry-client.js';

const name = 'acme/engine';

async function listed(registry: ScriptedRegistry, options: Partial<TagOptions> = {}): Promise<string[]> {
  const tags: string[] = [];
  const all: TagOptions = {
    order: 'name',
    wanted: () => true,
    platform: { os: 'linux', architecture: 'amd64' },
    report: () => {},
    ...options,
  };
  for await (const { tag } of listTags(target(registry), all)) tags.push(tag);
  return tags;
}

/** Puts an image into the registry that was made at a time. */
function putImage(
  registry: ScriptedRegistry,
  tag: string,
  created: { config?: string; manifest?: string },
): void {
  const built = buildImage({
    layers: [],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations:
      created.manifest === undefined ? {} : { 'org.opencontainers.image.created': created.manifest },
    created: created.config,
    createdBy: tag,
  });
  registry.contents.addBlob(Buffer.from(built.config.bytes));
  registry.contents.addManifest(name, mediaTypes.imageManifest, Buffer.from(built.manifest.bytes), tag);
}

describe('versions', () => {
  it('are newest first, prereleases below their release, and what is none comes last', () => {
    const sorted = [
      'v2',
      '1.10.0',
      '1.10.0-rc.2',
      '1.10.0-rc.10',
      'v1.9',
      '1.2.3',
      '0.1',
      '20260301',
      'edge',
      'latest',
    ];
    const expected = [
      'v2',
      '1.10.0',
      '1.10.0-rc.10',
      '1.10.0-rc.2',
      'v1.9',
      '1.2.3',
      '0.1',
      '20260301',
      'edge',
      'latest',
    ];
    expect(sortByVersion(sorted.toReversed())).toEqual(expected);
  });

  it.each([
    'sha-1234567',
    '1234567',
    '20260301',
    '2026-03-01',
    'v',
    '1.2.3.4',
    'version-1',
    '',
    'v1.',
    '1..2',
    'nightly-1.2',
  ])('are not %s', (tag) => expect(versionOf(tag)).toBeUndefined());

  it.each([
    ['7', '7.0.0'],
    ['v7', '7.0.0'],
    ['1.02', '1.2.0'],
    ['v1.2-alpine', '1.2.0-alpine'],
    ['3-slim', '3.0.0-slim'],
  ])('are %s too', (tag, version) => expect(versionOf(tag)?.version).toBe(version));
});

describe('a glob', () => {
  it.each([
    ['*', 'anything', true],
    ['1.*', '1.2.3', true],
    ['1.*', '11.2', false],
    ['*-rc.?', '1.0.0-rc.1', true],
    ['*-rc.?', '1.0.0-rc.10', false],
    ['v[0-9]*', 'v1', true],
    ['v[!0-9]*', 'v1', false],
    ['[]a]', ']', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['a.c', 'abc', false],
    ['', '', true],
    ['', 'a', false],
    ['a**b', 'ab', true],
  ])('%s and %s: %s', (glob, text, fits) => expect(globTest(glob)(text)).toBe(fits));

  it('answers soon, whatever it is', () => {
    expect(globTest(`${'a*'.repeat(60)}b`)('a'.repeat(128))).toBe(false);
  });

  it('is refused with a bracket that does not end', () => {
    expect(() => globTest('[a')).toThrow('without its');
  });
});

describe('tags', () => {
  it('that lead to referrers are told from others', () => {
    const hex = 'a'.repeat(64);
    for (const tag of [`sha256-${hex}`, `sha256-${hex}.sig`, `sha512-${hex}`])
      expect(isReferrersTag(tag)).toBe(true);
    for (const tag of ['sha256-abc', `sha-${hex}`, `x-sha256-${hex}`, `sha256-${hex}-x`])
      expect(isReferrersTag(tag)).toBe(false);
  });

  it('come while their pages do, and no page more than the limit needs', async () => {
    const registry = await scripted();
    const many = Array.from({ length: 5000 }, (_, at) => `t${String(at).padStart(5, '0')}`);
    const repository = registry.contents.repository(name);
    for (const tag of many) repository.tags.set(tag, `sha256:${'0'.repeat(64)}`);
    expect(await listed(registry, { order: 'none', limit: 2000 })).toEqual(many.slice(0, 2000));
    expect(registry.log).toHaveLength(2);
    registry.requests.length = 0;
    expect(await listed(registry)).toEqual(many);
    expect(registry.log).toHaveLength(5);
    expect(await listed(registry, { wanted: globTest('*99'), limit: 2 })).toEqual(['t00099', 't00199']);
  });

  it('are ordered by the date of annotation or config, each image asked for once', async () => {
    const registry = await scripted();
    putImage(registry, 'old', { config: '2020-01-01T00:00:00Z' });
    putImage(registry, 'new', { config: '2019-01-01T00:00:00Z', manifest: '2026-01-01T00:00:00+02:00' });
    putImage(registry, 'same-as-new', {
      config: '2019-01-01T00:00:00Z',
      manifest: '2026-01-01T00:00:00+02:00',
    });
    putImage(registry, 'never', {});
    const { tags } = registry.contents.repository(name);
    tags.set('copy', tags.get('new') ?? '');
    const { report, events } = recorder();
    expect(await listed(registry, { order: 'date', report })).toEqual([
      'copy',
      'new',
      'same-as-new',
      'old',
      'never',
    ]);
    expect(events.filter(({ type }) => type === 'count').at(-1)).toMatchObject({ done: 5, total: 5 });
    const count = (start: string) => registry.log.filter((line) => line.startsWith(start)).length;
    expect([count('HEAD'), count(`GET /v2/${name}/manifests`), count(`GET /v2/${name}/blobs`)]).toEqual([
      5, 3, 2,
    ]);
  });

  it('of a damaged image have no date, and a warning; those of a registry that fails are an error', async () => {
    const registry = await scripted();
    putImage(registry, 'good', { manifest: '2020-01-01T00:00:00Z' });
    registry.contents.addManifest(name, mediaTypes.imageManifest, Buffer.from('{}'), 'bad');
    const { report, events } = recorder();
    expect(await listed(registry, { order: 'date', report })).toEqual(['good', 'bad']);
    expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
    registry.script((request, response) => {
      if (!request.path.includes('/manifests/')) return undefined;
      response.writeHead(403).end();
      return 'handled';
    });
    await expect(listed(registry, { order: 'date' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('of an index have the date of the index, else of the image for the platform', async () => {
    const registry = await scripted();
    putImage(registry, 'image', { config: '2021-01-01T00:00:00Z' });
    const digest = registry.contents.repository(name).tags.get('image') ?? '';
    const size = registry.contents.repository(name).manifests.get(digest)?.bytes.length ?? 0;
    const index = (annotations: object) =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.imageIndex,
          manifests: [
            {
              mediaType: mediaTypes.imageManifest,
              digest,
              size,
              platform: { os: 'linux', architecture: 'amd64' },
            },
          ],
          ...annotations,
        }),
      );
    registry.contents.addManifest(name, mediaTypes.imageIndex, index({}), 'plain');
    const annotations = { 'org.opencontainers.image.created': '2022-01-01T00:00:00Z' };
    registry.contents.addManifest(name, mediaTypes.imageIndex, index({ annotations }), 'annotated');
    expect(await listed(registry, { order: 'date' })).toEqual(['annotated', 'image', 'plain']);
  });
});
