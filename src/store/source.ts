import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import type { LockedSource } from '../engine/types.js';
import { onWindows } from '../files/index.js';
import { chainId, type Digest } from '../oci/digest.js';
import type { StorePaths } from './paths.js';
import type { Store } from './store.js';

/**
 * The directory in which a source's files stand, once it is installed. Its last component is the source's name: executors
 * print it, and some read it.
 */
export function sourceDirectory({ paths }: Store, name: string, source: LockedSource): string {
  return source.kind === 'directory' ? source.path : `${sourceHome(paths, source)}/${name}`;
}

/** What holds a source's files under each name that it is used by: the layer itself where there is just one, else a tree. */
export function sourceHome(paths: StorePaths, { layers }: LockedImage): string {
  const [only, ...more] = layers;
  if (only === undefined) return paths.tree(emptyTree);
  return more.length === 0
    ? paths.layer(only.diffId)
    : paths.tree(chainId(layers.map((layer) => layer.diffId)));
}

/** The lock of those who change a directory that {@link sourceHome} tells, or look at it while nobody does. */
export function homeLock(paths: StorePaths, home: string): string {
  return `${home.startsWith(`${paths.layers}/`) ? 'layer' : 'tree'}-${basename(home)}`;
}

/** The mode of the directory that a source's files stand in. */
export const rootMode = 0o555;

/** Whether a source's directory, which stands, was finished: its mode comes last, where there are modes. */
export function isFinished(directory: string): boolean {
  return onWindows || (lstatSync(directory).mode & 0o777) === rootMode;
}

/** A source that is not a directory. */
type LockedImage = Exclude<LockedSource, { kind: 'directory' }>;

/** The tree of an image without layers gets the digest of nothing. */
const emptyTree = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' as Digest;
