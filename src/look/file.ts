import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { showName } from '../tar/names.js';
import { HeldContent } from './held.js';
import { type Destination, followPath } from './path.js';
import { ImageTree, type TreeInputs } from './tree.js';

/** What {@link openFile} needs. */
export interface OpenFileInputs extends TreeInputs {
  /** A directory for content that is too large to hold in memory; nothing stays there. */
  readonly temporary: string;
}

/** A file of an image, verified. */
export interface OpenedFile {
  /** Where it is, after all links; relative to the root of the image. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** The layer that it comes from. */
  readonly layer: Descriptor;
  /** Its content, in pieces. */
  pieces(): Iterable<Buffer>;
  /** Gives back what it takes. */
  close(): void;
}

/**
 * Reads one file of an image, as it would be installed. Layers are read from the highest down, and no further than to the one
 * that decides. A layer's digests are known at its end only, so the content is held until then: nothing of a layer that is
 * not what its image says is ever passed on. Where a link leads to a file of a layer that was read already, that layer is
 * read again.
 * @param path links in it are followed inside of the image
 * @throws EngineshedError `PATH_NOT_FOUND`, and as `applyLayer` and the content do
 */
export async function openFile(path: string, inputs: OpenFileInputs): Promise<OpenedFile> {
  const tree = new ImageTree(inputs);
  const guess = new Guess(inputs.temporary);
  try {
    const destination = await followPath(path, {
      lookUp: (at, rest) => tree.lookUp(at, (layer) => guess.at(layer, [at, ...rest].join('/'))),
      names: async (at) => namesIn(tree, at),
    });
    return await read(tree, guess, destination);
  } catch (error) {
    guess.close();
    throw error;
  }
}

async function read(tree: ImageTree, guess: Guess, { path, found }: Destination): Promise<OpenedFile> {
  const { entry } = found;
  if (entry.kind !== 'file') throw isDirectory(path);
  const layer = tree.layerOf(found);
  const contentAt = entry.contentAt ?? path;
  if (!guess.isRight(layer.descriptor, contentAt))
    await tree.read(layer, guess.at(layer.descriptor, contentAt));
  return {
    path,
    size: entry.size,
    layer: layer.descriptor,
    pieces: () => guess.held.pieces(),
    close: () => guess.close(),
  };
}

/** The file that is probably meant, held while its layer is read for the first time. */
class Guess {
  readonly #temporary: string;
  #layer: Descriptor | undefined;
  #path = '';
  held: HeldContent;

  constructor(temporary: string) {
    this.#temporary = temporary;
    this.held = new HeldContent(temporary);
  }

  /** Takes the content of a file of the layer that is about to be read. */
  at(layer: Descriptor, path: string) {
    this.close();
    this.held = new HeldContent(this.#temporary);
    this.#layer = layer;
    this.#path = path;
    const { held } = this;
    return { path, write: (chunk: Buffer, start: number, end: number) => held.write(chunk, start, end) };
  }

  isRight(layer: Descriptor, path: string): boolean {
    return this.#layer === layer && this.#path === path;
  }

  close(): void {
    this.held.close();
  }
}

async function namesIn(tree: ImageTree, path: string): Promise<Iterable<string>> {
  const found = await tree.lookUp(path, () => undefined);
  return found === undefined ? [] : tree.children(path, found).keys();
}

function isDirectory(path: string): EngineshedError {
  return new EngineshedError('PATH_NOT_FOUND', `"${showName(path)}" is a directory of the image`, {
    hint: 'See what is in it with: engineshed ls',
    details: { path: showName(path) },
  });
}
