import { type ContentStore, verified } from '../../src/content/index.js';
import type { TreeInputs } from '../../src/look/index.js';
import { archive } from './tar-archive.js';
import { inPieces, layerOf, type StoredLayer } from './tar-layer.js';

/** An image that only has layers, and what was fetched of it. */
export interface LayeredImage extends TreeInputs {
  readonly stored: readonly StoredLayer[];
  /** The numbers of the layers that were fetched, the lowest is 0, in the order of fetching. */
  readonly fetched: number[];
}

/** An image of archives, lowest first, each of these entries. */
export function imageOf(...archives: readonly (readonly Buffer[])[]): LayeredImage {
  return imageOfLayers(archives.map((parts) => layerOf(archive(...parts))));
}

/** An image of layers, lowest first. */
export function imageOfLayers(stored: readonly StoredLayer[]): LayeredImage {
  const fetched: number[] = [];
  const content: Pick<ContentStore, 'fetch'> = {
    async fetch(descriptor) {
      const at = stored.findIndex((layer) => layer.descriptor.digest === descriptor.digest);
      fetched.push(at);
      return verified(inPieces(stored[at]?.bytes ?? Buffer.alloc(0)), descriptor);
    },
  };
  return { stored, fetched, layers: stored, content, report: () => {} };
}
