import { describe, expect, it } from 'vitest';
import { findClosure } from '../../src/content/closure.js';
import { readConfig } from '../../src/content/image.js';
import { memoryTarget, resolveReference, streamOf } from '../../src/content/index.js';
import { type Descriptor, type Manifest, mediaTypes, parseReference } from '../../src/oci/index.js';
import { blob, bytes, makeLayout, pushJson } from './places.js';

describe('what is read of an image', () => {
  it('B02 is no config that is too large', async () => {
    const config = { ...blob, mediaType: mediaTypes.imageConfig, size: 1024 * 1024 * 1024 };
    const place = { fetch: async () => streamOf(bytes) };
    await expect(readConfig(place, { config } as Manifest)).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
  });

  it('of manifests no more bytes are kept than are allowed', async () => {
    const place = memoryTarget();
    const manifests: Descriptor[] = [];
    for (let at = 0; at < 8; at++)
      manifests.push(
        await pushJson(place, mediaTypes.imageManifest, {
          schemaVersion: 2,
          mediaType: mediaTypes.imageManifest,
          config: blob,
          layers: [],
          annotations: { pad: `${at}${'x'.repeat(3_000_000)}` },
        }),
      );
    const index = await pushJson(place, mediaTypes.imageIndex, {
      schemaVersion: 2,
      mediaType: mediaTypes.imageIndex,
      manifests,
    });
    const { bytes: kept } = await findClosure(place, index, 'leave');
    const total = [...kept.values()].reduce((sum, each) => sum + each.byteLength, 0);
    expect(total).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(total).toBeGreaterThan(10 * 1024 * 1024);
  });

  it('without a tag is none of several images', async () => {
    const { directory, layout } = makeLayout();
    for (const tag of ['one', 'two'])
      await layout.tag(
        await pushJson(layout, mediaTypes.imageManifest, {
          schemaVersion: 2,
          mediaType: mediaTypes.imageManifest,
          config: blob,
          layers: [],
          annotations: { tag },
        }),
        tag,
      );
    await expect(resolveReference(layout, parseReference(`oci:${directory}`))).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    });
  });
});
