import { type Image, memoryTarget, readImage, streamOf, type Target } from '../../src/content/index.js';
import type { EngineLock, LockedImageSource } from '../../src/engine/index.js';
import { buildImage, canonicalJson, digestOf } from '../../src/oci/index.js';
import { archive } from './tar-archive.js';
import { layerOf } from './tar-layer.js';

/** A component of a release that was never built: what its image tells. */
export function lockedComponent(
  reference: string,
  annotations: Readonly<Record<string, string>> = {},
): LockedImageSource {
  const digest = digestOf(`${reference} ${canonicalJson(annotations)}`);
  const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 };
  const kind = reference.startsWith('oci:') ? 'layout' : 'image';
  return { kind, reference, resolved: digest, manifest, config: manifest, layers: [], annotations };
}

/** The lock of a release of these components. */
export function lockOf(sources: Readonly<Record<string, LockedImageSource>>): EngineLock {
  return {
    name: 'product',
    description: '',
    kind: 'custom',
    catalog: 'product',
    sources,
    parts: [],
    environment: [],
  };
}

/** An image that says that it was composed of a lock, with a layer of each of these archives; the component that one is said to have. */
export async function releaseImage(
  lock: EngineLock,
  layers: readonly { readonly source?: string; readonly entries: readonly Buffer[] }[],
): Promise<{ target: Target; image: Image }> {
  const target = memoryTarget();
  const stored = layers.map(({ source, entries }) => {
    const layer = layerOf(archive(...entries));
    const annotations =
      source === undefined ? {} : { annotations: { 'io.github.engineshed.layer.source': source } };
    return { ...layer, descriptor: { ...layer.descriptor, ...annotations } };
  });
  const { config, manifest } = buildImage({
    layers: stored,
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: {
      'io.github.engineshed.release.lock': canonicalJson(lock),
      'org.opencontainers.image.created': '2026-03-01T01:30:00.5+01:00',
    },
    createdBy: 'a test',
  });
  for (const { descriptor, bytes } of [...stored, config, manifest])
    await target.push(descriptor, async () => streamOf(bytes));
  return {
    target,
    image: await readImage(target, manifest.descriptor, { os: 'linux', architecture: 'amd64' }),
  };
}
