import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { decodeName, fsPath, joinPath, showName } from '../tar/names.js';
import { type CheckOptions, TreeReader } from './check.js';
import type { ComposableLayer } from './compose.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import { Overlay, type Winner } from './overlay.js';

/**
 * Compares what stands in a directory with what `composeTree` makes of layers, which were checked before. A file is right where it is
 * that of its layer under another name, or has the same content. Links are never followed.
 * @param layers lowest first
 */
export async function checkTree(
  layers: readonly ComposableLayer[],
  directory: string,
  options: CheckOptions,
): Promise<void> {
  const checker = new TreeChecker(layers, directory, options);
  await checker.run();
}

class TreeChecker {
  readonly #layers: readonly ComposableLayer[];
  readonly #reader: TreeReader;
  readonly #overlay: Overlay<ListedEntry>;
  /** One for each layer, for the content of its files. */
  readonly #sources: readonly TreeReader[];

  constructor(layers: readonly ComposableLayer[], directory: string, options: CheckOptions) {
    this.#layers = layers;
    this.#reader = new TreeReader(directory, options);
    this.#sources = layers.map(({ root }) => new TreeReader(root, { ...options, onFile: () => {} }));
    this.#overlay = new Overlay(
      layers.map(({ root, whiteouts, opaques }) => ({
        whiteouts,
        opaques,
        list: (path) => listDirectory(fsPath(root, path)),
      })),
    );
  }

  async run(): Promise<void> {
    if (this.#reader.checkRoot()) await this.#directory('', this.#overlay.all);
  }

  async #directory(path: string, from: readonly number[]): Promise<void> {
    const winners = this.#overlay.children(path, from);
    for (const { name, kind } of this.#reader.list(path))
      if (!winners.has(name)) this.#reader.fault(joinPath(path, name), 'extra', undefined, kind);
    for (const [name, winner] of winners) {
      const child = joinPath(path, name);
      const stat = this.#reader.stat(child);
      if (stat !== undefined && this.#reader.checkKind(child, stat, winner.entry.kind))
        await this.#compare(child, winner, stat);
    }
  }

  async #compare(path: string, { entry, layers }: Winner<ListedEntry>, stat: Stats): Promise<void> {
    const highest = layers[0] as number;
    const source = fsPath((this.#layers[highest] as ComposableLayer).root, path);
    if (entry.kind === 'symlink') {
      const target = (at: string | Buffer) => decodeName(readlinkSync(at, { encoding: 'buffer' }));
      const expected = target(source);
      const actual = this.#reader.attempt(path, () => target(fsPath(this.#reader.root, path)));
      if (actual !== undefined && actual !== expected)
        this.#reader.fault(path, 'target', showName(expected), showName(actual));
      return this.#reader.seen();
    }
    const expected = lstatSync(source);
    if (entry.kind === 'directory') {
      this.#reader.checkMode(path, stat, expected.mode & 0o7777);
      await this.#directory(path, layers);
      return;
    }
    if (stat.ino === expected.ino && stat.dev === expected.dev) return this.#reader.seen();
    this.#reader.checkMode(path, stat, expected.mode & 0o7777);
    if (!this.#reader.checkSize(path, stat, expected.size)) return;
    const crc = await this.#reader.crc(path);
    if (crc !== undefined && crc !== (await this.#sources[highest]?.crc(path)))
      this.#reader.fault(path, 'content');
  }
}
