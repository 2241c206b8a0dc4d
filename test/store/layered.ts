import { createLayout, type Layout } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { describe, mediaTypes } from '../../src/oci/index.js';
import { inPieces, layerOf } from '../support/tar-layer.js';
import type { Sample } from './sample.js';

/** The image layout that a sample's engines come from. */
export function layoutOf({ directory }: Sample): Layout {
  return createLayout(`${directory}/images`, ownerOf(process.pid));
}

/**
 * Puts an image of archives, lowest first, into the layout of a sample, so that an engine can have it as a source.
 * @param annotations of each layer
 */
export async function publishArchives(
  sample: Sample,
  name: string,
  archives: readonly Buffer[],
  annotations?: Readonly<Record<string, string>>,
): Promise<void> {
  const layout = layoutOf(sample);
  const layers = archives.map((archive) => {
    const layer = layerOf(archive);
    return { ...layer, descriptor: { ...layer.descriptor, ...(annotations && { annotations }) } };
  });
  for (const layer of layers) await layout.push(layer.descriptor, async () => inPieces(layer.bytes));
  const json = async (mediaType: string, value: unknown) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = describe(mediaType, bytes);
    await layout.push(descriptor, async () => inPieces(bytes));
    return descriptor;
  };
  const config = await json(mediaTypes.imageConfig, {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = await json(mediaTypes.imageManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.imageManifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  await layout.tag(manifest, name);
}
