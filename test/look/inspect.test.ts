import { describe, expect, it } from 'vitest';
import { inspectImage, readLayers } from '../../src/look/index.js';
import { buildImage, type Digest, describe as describeBytes, mediaTypes } from '../../src/oci/index.js';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { scripted, target } from '../support/registry-client.js';
import { archive, file } from '../support/tar-archive.js';
import { layerOf } from '../support/tar-layer.js';

const name = 'acme/engine';
const linux = { platform: { os: 'linux', architecture: 'amd64' }, unmatched: 'reject' } as const;

function putImage(registry: ScriptedRegistry, architecture: string, tag?: string) {
  const layer = layerOf(archive(file('f', architecture)));
  const { manifest, config } = buildImage({
    layers: [layer],
    platform: { os: 'linux', architecture },
    annotations: { 'org.opencontainers.image.version': '1.0.0', 'org.opencontainers.image.revision': 'abc' },
    created: '2026-01-02T03:04:05Z',
    createdBy: 'a test',
  });
  registry.contents.addBlob(layer.bytes);
  registry.contents.addBlob(Buffer.from(config.bytes));
  registry.contents.addManifest(name, mediaTypes.imageManifest, Buffer.from(manifest.bytes), tag);
  return { layer, manifest: manifest.descriptor, config: config.descriptor };
}

function putJson(registry: ScriptedRegistry, mediaType: string, content: object, tag: string): void {
  registry.contents.addManifest(
    name,
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content })),
    tag,
  );
}

describe('inspecting', () => {
  it('tells what an image is made of, by three requests', async () => {
    const registry = await scripted();
    const { layer, manifest, config } = putImage(registry, 'amd64', '1');
    const from = target(registry);
    const found = await inspectImage(from, await from.resolve('1'), linux);
    expect(registry.log).toEqual([
      `HEAD /v2/${name}/manifests/1`,
      `GET /v2/${name}/manifests/${manifest.digest}`,
      `GET /v2/${name}/blobs/${config.digest}`,
    ]);
    expect(found).toMatchObject({
      digest: manifest.digest,
      size: manifest.size,
      image: {
        digest: manifest.digest,
        platform: 'linux/amd64',
        created: '2026-01-02T03:04:05Z',
        version: '1.0.0',
        revision: 'abc',
        labels: {},
        entrypoint: [],
        layers: [{ ...layer.descriptor, diffId: layer.diffId }],
        layersSize: layer.descriptor.size,
      },
    });
    expect(found).not.toHaveProperty('index');
  });

  it('tells of an index what there is, and of the image for a platform', async () => {
    const registry = await scripted();
    const manifests = ['arm64', 'amd64'].map((architecture) => ({
      ...putImage(registry, architecture).manifest,
      platform: { os: 'linux', architecture },
    }));
    putJson(registry, mediaTypes.imageIndex, { manifests, annotations: { a: 'b' } }, '1');
    const from = target(registry);
    const descriptor = await from.resolve('1');
    const found = await inspectImage(from, descriptor, linux);
    expect(found.index).toMatchObject({
      annotations: { a: 'b' },
      manifests: [
        { platform: 'linux/arm64', digest: manifests[0]?.digest },
        { platform: 'linux/amd64', digest: manifests[1]?.digest },
      ],
    });
    expect(found.image?.digest).toBe(manifests[1]?.digest);
    expect(registry.log).toHaveLength(4);
    const other = { platform: { os: 'plan9', architecture: 'mips' } };
    manifests.pop();
    putJson(registry, mediaTypes.imageIndex, { manifests }, '2');
    const only = await from.resolve('2');
    await expect(inspectImage(from, only, { ...other, unmatched: 'reject' })).rejects.toMatchObject({
      code: 'PLATFORM_UNMATCHED',
    });
    const left = await inspectImage(from, only, { ...other, unmatched: 'leave out' });
    expect([left.index?.manifests.length, left.image]).toEqual([1, undefined]);
  });

  it('takes what Docker images say from their labels, and malformed settings for nothing', async () => {
    const registry = await scripted();
    for (const [tag, config, expected] of [
      [
        'labels',
        { Labels: { 'org.opencontainers.image.version': '2' }, Entrypoint: ['/run'], Cmd: null },
        { version: '2', entrypoint: ['/run'], command: [] },
      ],
      [
        'odd',
        { Labels: ['x'], Entrypoint: 'run', Cmd: 7 },
        { version: undefined, labels: {}, entrypoint: [] },
      ],
      ['none', 'odd', { labels: {} }],
    ] as const) {
      const bytes = Buffer.from(JSON.stringify({ config, rootfs: { type: 'layers', diff_ids: [] } }));
      registry.contents.addBlob(bytes);
      const described = describeBytes(mediaTypes.dockerConfig, bytes);
      putJson(registry, mediaTypes.dockerManifest, { config: described, layers: [] }, tag);
      const from = target(registry);
      expect((await inspectImage(from, await from.resolve(tag), linux)).image).toMatchObject(expected);
    }
  });

  it('tells of an artifact its type, blobs and subject, fetches nothing of it, and takes it for no image', async () => {
    const registry = await scripted();
    const blob = {
      ...describeBytes('text/plain', Buffer.from('x')),
      annotations: { 'org.opencontainers.image.title': 'x.txt' },
    };
    const subject = describeBytes(mediaTypes.imageManifest, Buffer.from('y'));
    const config = describeBytes('application/vnd.oci.empty.v1+json', Buffer.from('{}'));
    const manifest = { artifactType: 'application/spdx+json', config, layers: [blob], subject };
    putJson(registry, mediaTypes.imageManifest, manifest, 'sbom');
    const from = target(registry);
    const descriptor = await from.resolve('sbom');
    const { artifact, image } = await inspectImage(from, descriptor, linux);
    expect(image).toBeUndefined();
    expect(artifact).toMatchObject({
      artifactType: 'application/spdx+json',
      subject: subject.digest as Digest,
      blobs: [{ digest: blob.digest, title: 'x.txt', size: 1 }],
    });
    expect(registry.log).toHaveLength(2);
    await expect(readLayers(from, descriptor, linux.platform)).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
    });
  });
});
