import type { Descriptor } from '../oci/index.js';
import { joinPath } from '../tar/names.js';
import { followPath } from './path.js';
import { type Found, ImageTree, type TreeInputs } from './tree.js';

/** A file, directory or symbolic link of an image, as it would be installed. */
export interface ImageFile {
  /** Relative to the root of the image; `showName` makes it fit to print. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permissions; 0o777 for symbolic links. */
  readonly mode: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** The highest layer that has it. */
  readonly layer: Descriptor;
  /** The target of a symbolic link. */
  readonly target?: string;
}

/**
 * Lists the files of an image as they would be installed: all layers applied, nothing written.
 * @param path a directory, whose content is listed, or a file, which is; links in it are followed inside of the image
 * @param depth what is directly in it, or everything below
 * @throws EngineshedError `PATH_NOT_FOUND`, and as `listLayer` and the content do
 */
export async function listFiles(
  path: string,
  depth: 'one' | 'all',
  inputs: TreeInputs,
): Promise<ImageFile[]> {
  const tree = new ImageTree(inputs);
  await tree.readAll();
  const lookUp = (at: string) => tree.lookUp(at, () => undefined);
  const { path: start, found } = await followPath(path, {
    lookUp,
    names: async (at) => {
      const directory = await lookUp(at);
      return directory === undefined ? [] : tree.children(at, directory).keys();
    },
  });
  if (found.entry.kind !== 'directory') return [imageFile(tree, start, found)];
  return [...below(tree, start, found, depth)];
}

function* below(tree: ImageTree, path: string, directory: Found, depth: 'one' | 'all'): Generator<ImageFile> {
  const children = [...tree.children(path, directory)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, found] of children) {
    const child = joinPath(path, name);
    yield imageFile(tree, child, found);
    if (depth === 'all' && found.entry.kind === 'directory') yield* below(tree, child, found, depth);
  }
}

function imageFile(tree: ImageTree, path: string, found: Found): ImageFile {
  const { kind, mode, size, target } = found.entry;
  return {
    path,
    kind,
    mode,
    size,
    layer: tree.layerOf(found).descriptor,
    ...(target === undefined ? {} : { target }),
  };
}
