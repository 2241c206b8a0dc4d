import type { ByteStream } from '../content/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import type { LayerLimits } from './limits.js';
import type { NameBudget } from './name-budget.js';
import type { OverlayLayer } from './overlay.js';
import { type LayerEntry, MemoryTree, type WantedFile } from './tree-memory.js';
import { unpackLayer } from './unpack.js';
import { type ContentWatcher, WatchedTree } from './watched-tree.js';

/** How to list a layer. */
export interface ListOptions {
  /** How much names may take; shared by the layers of an image. */
  readonly budget: NameBudget;
  /** A file whose content is wanted. What it was given is to be trusted only after success. */
  readonly wanted?: WantedFile | undefined;
  /** Sees the content of each file and link. */
  readonly watcher?: ContentWatcher | undefined;
  /** Limits that differ from those of `applyLayer`. */
  readonly limits?: Partial<LayerLimits> | undefined;
}

/**
 * Reads a layer as `applyLayer` does, with the same checks and limits, and writes nothing: what comes out is its names, modes
 * and sizes. Symbolic links that lead out of the layer are listed, for nobody follows them here.
 * @param stream the layer as stored, verified against `layer.descriptor`: its end is waited for
 * @throws EngineshedError as `applyLayer` does, but for what writing brings; `LAYER_LIMIT` too for names beyond the budget
 */
export async function listLayer(
  stream: ByteStream,
  layer: { readonly descriptor: Descriptor; readonly diffId: Digest },
  { budget, wanted, watcher, limits = {} }: ListOptions,
): Promise<OverlayLayer<LayerEntry>> {
  const tree = new MemoryTree(budget, wanted);
  const { whiteouts, opaques } = await unpackLayer(
    stream,
    layer,
    () => (watcher === undefined ? tree : new WatchedTree(tree, watcher)),
    {
      externalLinks: 'inert',
      limits,
      budget,
    },
  );
  return { whiteouts, opaques, list: (path) => tree.list(path) };
}
