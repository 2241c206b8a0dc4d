import { type ContentStore, counted, mapLimited, type Reporter, shortDigest } from '../content/index.js';
import { inOperation } from '../errors/index.js';
import {
  type LayerEntry,
  type LayerLimits,
  listLayer,
  NameBudget,
  Overlay,
  type OverlayLayer,
  type WantedFile,
  type Winner,
} from '../layer/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { joinPath, parentOf } from '../tar/names.js';

/** How many layers are read at the same time. */
const concurrentLayers = 4;

/** What reading an image needs. */
export interface TreeInputs {
  readonly content: Pick<ContentStore, 'fetch'>;
  /** The layers of the image, lowest first. */
  readonly layers: readonly ImageLayer[];
  readonly report: Reporter;
  /** Limits that differ from those of installing. */
  readonly limits?: Partial<LayerLimits> | undefined;
}

/** A layer of an image. */
interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** What stands at a path of an image. */
export type Found = Winner<LayerEntry>;

/**
 * The files of an image, all layers applied, as far as they are known: layers are read from the highest down, and only
 * when something cannot be told without them. Each is verified to its end before anything of it counts.
 */
export class ImageTree {
  readonly #inputs: TreeInputs;
  readonly #budget = new NameBudget();
  /** What is known, lowest first; it ends with the highest layer. */
  #known: OverlayLayer<LayerEntry>[] = [];
  #overlay = new Overlay<LayerEntry>([]);

  constructor(inputs: TreeInputs) {
    this.#inputs = inputs;
  }

  /** Reads all layers, side by side. */
  async readAll(): Promise<void> {
    const { layers } = this.#inputs;
    // A layer may be there twice; it is fetched once (B09).
    const distinct = [...new Map(layers.map((layer) => [layer.descriptor.digest, layer])).values()];
    const listed = await mapLimited(distinct, concurrentLayers, (layer) => this.read(layer, undefined));
    const byDigest = new Map(distinct.map((layer, at) => [layer.descriptor.digest, listed[at]]));
    this.#know(layers.map((layer) => byDigest.get(layer.descriptor.digest) as OverlayLayer<LayerEntry>));
  }

  /**
   * What stands at a path, links not followed; undefined where nothing does. What leads to it was looked up before and found
   * to be directories: a whiteout below a symbolic link hides nothing.
   * @param wanted makes what takes the content of a file that is wanted, for each layer that is read for this
   */
  async lookUp(
    path: string,
    wanted: (layer: Descriptor) => WantedFile | undefined,
  ): Promise<Found | undefined> {
    for (;;) {
      const found = this.#find(path);
      const next = this.#inputs.layers[this.#inputs.layers.length - this.#known.length - 1];
      if (found !== undefined || next === undefined || this.#isHidden(path)) return found;
      this.#know([await this.read(next, wanted(next.descriptor)), ...this.#known]);
    }
  }

  /** What is in a directory that was found, as far as it is known. */
  children(path: string, { layers }: Found): Map<string, Found> {
    return this.#overlay.children(path, layers);
  }

  /** The layer that has what was found. */
  layerOf({ layers: [highest = 0] }: Found): ImageLayer {
    const { layers } = this.#inputs;
    return layers[layers.length - this.#known.length + highest] as ImageLayer;
  }

  /** Reads a layer from its start to its end. */
  async read(layer: ImageLayer, wanted: WantedFile | undefined): Promise<OverlayLayer<LayerEntry>> {
    const { content, report, limits } = this.#inputs;
    const { descriptor } = layer;
    const label = shortDigest(descriptor.digest);
    const about = { id: descriptor.digest, label, total: descriptor.size };
    try {
      const stream = counted(await content.fetch(descriptor), about, report);
      const listed = await listLayer(stream, layer, { budget: this.#budget, wanted, limits });
      report({ type: 'transferred', action: 'read', ...about });
      return listed;
    } catch (error) {
      throw inOperation(`Reading the layer ${label}`, error);
    }
  }

  #know(known: OverlayLayer<LayerEntry>[]): void {
    this.#known = known;
    this.#overlay = new Overlay(known);
  }

  #find(path: string): Found | undefined {
    const root: LayerEntry = { name: '', kind: 'directory', mode: 0o755, size: 0 };
    let found: Found | undefined = { entry: root, layers: this.#overlay.all };
    let at = '';
    for (const name of path === '' ? [] : path.split('/')) {
      if (found?.entry.kind !== 'directory') return undefined;
      found = this.#overlay.children(at, found.layers).get(name);
      at = joinPath(at, name);
    }
    return found;
  }

  /** Tells whether what is known hides a path in all lower layers: by a whiteout of it or of a directory that leads to it. */
  #isHidden(path: string): boolean {
    for (let at = path; at !== ''; at = parentOf(at)) if (this.#overlay.hides(at)) return true;
    return false;
  }
}
