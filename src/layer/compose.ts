import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { entryError, unsafe } from '../tar/faults.js';
import { decodeName, fsPath, fsText, joinPath, showName } from '../tar/names.js';
import { type ExternalLinks, leavesRootByText, SymlinkTable } from './links.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import { NameBudget, textBytes } from './name-budget.js';
import { Overlay } from './overlay.js';

/** A layer that `applyLayer` extracted. */
export interface ComposableLayer {
  /** The directory that it was extracted into. */
  readonly root: string;
  /** As `AppliedLayer` has them. */
  readonly whiteouts: readonly string[];
  /** As `AppliedLayer` has them. */
  readonly opaques: readonly string[];
}

/** How to compose. */
export interface ComposeOptions {
  /** What to do with links that lead out of the composed tree; `reject` unless told. Give what `applyLayer` was given. */
  readonly externalLinks?: ExternalLinks;
  /** How much memory the links and whiteouts of all layers may take; one of its own unless told. */
  readonly budget?: NameBudget;
}

/**
 * Builds the tree of an image of several layers (image specification, "Applying Changesets") by hard links to the
 * files of the extracted layers, copies where links cannot be. Nothing is written and removed again: each path is made
 * once, from the highest layer that has it; whiteouts hide what lower layers have, never what the same layer has.
 * Directories have the mode of the highest layer that has them; `directory` itself keeps its own.
 * @param layers lowest first
 * @param directory exists, is empty, and nobody else writes to it; the caller removes it after an error
 * @throws EngineshedError `LAYER_LIMIT` (see {@link ComposeOptions.budget}), `LAYER_UNSAFE` (a link that leaves the tree through other links, names that this file system
 *   holds for the same), `FILE_IN_THE_WAY`, `DISK_FULL`, `FILE_PERMISSION`, `IO_FAILED`
 */
export async function composeTree(
  layers: readonly ComposableLayer[],
  directory: string,
  options: ComposeOptions = {},
): Promise<void> {
  try {
    if (listDirectory(directory).length > 0) {
      throw new EngineshedError(
        'FILE_IN_THE_WAY',
        `A tree is to be made in ${directory}, which is not empty`,
        {
          details: { path: directory },
        },
      );
    }
    const composer = new Composer(layers, directory, options);
    await composer.make();
  } catch (error) {
    throw fromSystemError(error);
  }
}

/** After so many links others have their turn. */
const linksAtOnce = 2000;
const linkRefusals = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES']);

class Composer {
  readonly #layers: readonly ComposableLayer[];
  readonly #root: string;
  readonly #externalLinks: ExternalLinks;
  readonly #links = new SymlinkTable();
  readonly #budget: NameBudget;
  readonly #overlay: Overlay<ListedEntry>;
  #made = 0;

  constructor(layers: readonly ComposableLayer[], root: string, options: ComposeOptions) {
    this.#layers = layers;
    this.#root = root;
    this.#externalLinks = options.externalLinks ?? 'reject';
    this.#budget = options.budget ?? new NameBudget();
    this.#overlay = new Overlay(
      layers.map(({ root, whiteouts, opaques }) => ({
        whiteouts,
        opaques,
        list: (path) => listDirectory(fsPath(root, path)),
      })),
    );
  }

  /** Makes the tree, and checks where its links lead when all are known. */
  async make(): Promise<void> {
    for (const { whiteouts, opaques } of this.#layers)
      for (const path of [whiteouts, opaques].flat()) this.#budget.charge(textBytes(path), path);
    await this.#directory('', this.#overlay.all);
    const external = this.#links.firstEscape();
    if (external !== undefined) throw leavesTree(external.path, external.target);
  }

  /** Makes what is in the directory `path`, which `from` (layers, highest first) have. */
  async #directory(path: string, from: readonly number[]): Promise<void> {
    for (const [name, winner] of this.#overlay.children(path, from)) {
      const child = joinPath(path, name);
      const layer = this.#layers[winner.layers[0] as number] as ComposableLayer;
      const source = fsPath(layer.root, child);
      const target = fsPath(this.#root, child);
      if (winner.entry.kind === 'directory') {
        make(child, () => mkdirSync(target, 0o700));
        await this.#directory(child, winner.layers);
        chmodSync(target, lstatSync(source).mode & 0o777);
      } else if (winner.entry.kind === 'symlink') {
        this.#symlink(child, decodeName(readlinkSync(source, { encoding: 'buffer' })), target);
      } else {
        make(child, () => linkOrCopy(source, target));
      }
      if (++this.#made % linksAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #symlink(path: string, target: string, at: string | Buffer): void {
    if (this.#externalLinks === 'reject') {
      if (leavesRootByText(path, target)) throw leavesTree(path, target);
      this.#budget.charge(textBytes(path) + textBytes(target), path);
      this.#links.add(path, target);
    }
    make(path, () => symlinkSync(fsText(target), at));
  }
}

function linkOrCopy(source: string | Buffer, target: string | Buffer): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!linkRefusals.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(target, lstatSync(source).mode & 0o777);
  }
}

function make(path: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw entryError(
      path,
      unsafe('this file system holds its name for the same as that of another entry of the image'),
    );
  }
}

function leavesTree(path: string, target: string): EngineshedError {
  return entryError(
    path,
    unsafe(`it is a symbolic link to "${showName(target)}", outside of the image's own tree`),
  );
}
