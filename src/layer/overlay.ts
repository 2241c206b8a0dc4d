import { joinPath, parentOf } from '../tar/names.js';
import type { ListedEntry } from './list-directory.js';

/** A layer as it lies over others: what it has, and what it hides of lower ones. */
export interface OverlayLayer<Entry extends Named> {
  /** Paths that it removes from lower layers. */
  readonly whiteouts: Iterable<string>;
  /** Directories whose children it removes from lower layers; the root is the empty string. */
  readonly opaques: Iterable<string>;
  /** What it has in a directory that it has. */
  list(path: string): Iterable<Entry>;
}

/** What an overlay must know of an entry. */
type Named = Pick<ListedEntry, 'name' | 'kind'>;

/** Where one name of a directory comes from. */
export interface Winner<Entry> {
  /** As the highest layer that counts has it. */
  readonly entry: Entry;
  /** The layers that have it, by number, highest first: one, or for a directory all whose children count. */
  readonly layers: number[];
}

/**
 * The tree of several layers (image specification, "Applying Changesets"): each path is that of the highest layer that has
 * it; whiteouts hide what lower layers have, never what the same layer has. Layers are numbered from the lowest, 0.
 */
export class Overlay<Entry extends Named> {
  readonly #layers: readonly OverlayLayer<Entry>[];
  /** By path, the highest layer that has a whiteout for it. */
  readonly #whiteouts: Map<string, number>;
  /** By directory, the highest layer that has an opaque whiteout in it. */
  readonly #opaques: Map<string, number>;

  /** @param layers lowest first */
  constructor(layers: readonly OverlayLayer<Entry>[]) {
    this.#layers = layers;
    this.#whiteouts = highest(layers.map((layer) => layer.whiteouts));
    this.#opaques = highest(layers.map((layer) => layer.opaques));
  }

  /** The layers that have the root: all, highest first. */
  get all(): number[] {
    return this.#layers.map((_, index) => index).reverse();
  }

  /**
   * What is in a directory, by name.
   * @param from the layers that have it and count, highest first: {@link Overlay.all} for the root, else
   *   {@link Winner.layers}
   */
  children(path: string, from: readonly number[]): Map<string, Winner<Entry>> {
    const winners = new Map<string, Winner<Entry> & { closed: boolean }>();
    const opaque = this.#opaques.get(path) ?? -1;
    for (const index of from) {
      if (index < opaque) break;
      for (const entry of this.#layers[index]?.list(path) ?? []) {
        const { name, kind } = entry;
        if (index < (this.#whiteouts.get(joinPath(path, name)) ?? -1)) continue;
        const winner = winners.get(name);
        if (winner === undefined) winners.set(name, { entry, layers: [index], closed: kind !== 'directory' });
        else if (!winner.closed && kind === 'directory') winner.layers.push(index);
        else winner.closed = true;
      }
    }
    return winners;
  }

  /** Tells whether a layer hides a path in the layers below it, in a directory that they have. */
  hides(path: string): boolean {
    return this.#whiteouts.has(path) || this.#opaques.has(parentOf(path));
  }
}

function highest(paths: readonly Iterable<string>[]): Map<string, number> {
  const map = new Map<string, number>();
  for (const [index, ofLayer] of paths.entries()) for (const path of ofLayer) map.set(path, index);
  return map;
}
