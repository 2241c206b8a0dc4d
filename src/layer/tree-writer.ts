import { inOperation } from '../errors/index.js';
import { entryError, type Fault, invalid, isFault, limitError, unsafe } from '../tar/faults.js';
import { baseOf, foldName, joinPath, parentOf, showName } from '../tar/names.js';
import { checkPath, checkTargetText } from '../tar/paths.js';
import type { TarEntry, TarSink } from '../tar/reader.js';
import { type ExternalLinks, leavesRootByText, SymlinkTable } from './links.js';
import { type NameBudget, textBytes } from './name-budget.js';
import type { TreeStorage } from './tree-storage.js';
import { type NameMeaning, nameMeaning } from './whiteouts.js';

/** What a {@link TreeWriter} needs to know. */
export interface TreeWriterOptions {
  readonly externalLinks: ExternalLinks;
  /** The most entries, whiteouts included. */
  readonly maxEntries: number;
  /** For all that it keeps of an entry until the layer ends. */
  readonly budget: NameBudget;
  /** Called with the size of each file before anything of it is written; throws where that is too much. */
  readonly admit: (size: number, entry: string) => void;
}

interface DirectoryState {
  /** The mode that the archive gives it; 0755 where it gives none, as tar does. */
  mode: number;
  /** Whether the archive has an entry for it. */
  stated: boolean;
  /** The folded names of what is in it. */
  readonly names: Set<string>;
}

/** What a directory takes beside its name, in bytes. */
const directoryCost = 300;
/** The most warnings that are kept. */
const maxWarnings = 20;

/**
 * Checks the entries of one layer and writes them into a storage that is empty and nobody else's: a directory, or memory
 * for those who only look. Nothing is ever written through a link, and that is decided by what is in the storage: every
 * parent of an entry is a directory that this very writer made, and every file is made anew; a name that exists without
 * having been written here can only be one that the file system takes for another (A05, A14).
 */
export class TreeWriter implements TarSink {
  readonly #storage: TreeStorage;
  readonly #options: TreeWriterOptions;
  readonly #directories = new Map<string, DirectoryState>();
  readonly #links = new SymlinkTable();
  #lastParent = '';
  #file = '';
  /** What is charged for what is kept until the layer ends, in bytes. */
  #held = 0;
  #open = false;

  readonly whiteouts = new Set<string>();
  readonly opaques = new Set<string>();
  readonly warnings: string[] = [];
  /** Entries so far, whiteouts included. */
  entries = 0;
  /** Bytes of file content so far. */
  bytes = 0;

  constructor(storage: TreeStorage, options: TreeWriterOptions) {
    this.#storage = storage;
    this.#options = options;
    this.#directories.set('', { mode: 0o755, stated: false, names: new Set() });
  }

  entry(entry: TarEntry): void {
    if (++this.entries > this.#options.maxEntries) {
      throw limitError('entries', this.#options.maxEntries, entry.name);
    }
    const path = orThrow(entry.name, checkPath(entry.name));
    const meaning = orThrow(entry.name, nameMeaning(path));
    if (meaning.kind !== 'plain') {
      this.#whiteout(entry, meaning.kind === 'opaque' ? this.opaques : this.whiteouts, meaning.path);
    } else if (entry.kind === 'file') {
      this.#beginFile(path, entry);
    } else if (entry.kind === 'directory') {
      this.#directory(path, entry);
    } else if (entry.kind === 'symlink') {
      this.#symlink(path, entry);
    } else {
      this.#hardlink(path, entry);
    }
  }

  data(chunk: Buffer, start: number, end: number): void {
    this.#attempt(this.#file, () => this.#storage.write(chunk, start, end));
    this.bytes += end - start;
  }

  endFile(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#attempt(this.#file, () => this.#storage.closeFile());
  }

  /**
   * Ends the layer: checks where its links lead and makes its directories read-only. The root keeps its mode, for the
   * caller still has to move it.
   */
  finish(): void {
    if (this.#options.externalLinks === 'reject') {
      const external = this.#links.firstEscape();
      if (external !== undefined) throw entryError(external.path, leavesRoot(external.target));
    }
    for (const [path, { mode }] of this.#directories) {
      if (path === '') continue;
      this.#attempt(path, () => this.#storage.setMode(path, (mode & 0o555) | 0o500));
    }
  }

  /** Gives back what is open, after an error, and the memory of what only the writing needed. */
  abandon(): void {
    this.#options.budget.giveBack(this.#held);
    this.#held = 0;
    if (this.#open) this.#storage.closeFile();
    this.#open = false;
  }

  #beginFile(path: string, entry: TarEntry): void {
    if (path === '') throw entryError(entry.name, invalid('it is a file in the place of the root'));
    this.#options.admit(entry.size, entry.name);
    const parent = this.#parent(path);
    const mode = (entry.mode & 0o555) | 0o400;
    this.#file = path;
    this.#create(path, () => this.#storage.createFile(path, mode));
    this.#open = true;
    this.#noteName(parent, path);
  }

  #directory(path: string, entry: TarEntry): void {
    const known = this.#directories.get(path);
    if (known === undefined) {
      this.#makeDirectory(path, { mode: entry.mode, stated: true, names: new Set() });
      return;
    }
    if (known.stated) throw entryError(path, invalid('an earlier entry has the same name'));
    known.stated = true;
    known.mode = entry.mode;
  }

  #symlink(path: string, entry: TarEntry): void {
    if (path === '') throw entryError(entry.name, unsafe('it is a symbolic link in the place of the root'));
    const target = entry.linkName;
    const fault = checkTargetText(target);
    if (fault !== undefined) throw entryError(path, fault);
    if (this.#options.externalLinks === 'reject') {
      if (leavesRootByText(path, target)) throw entryError(path, leavesRoot(target));
      this.#hold(textBytes(path) + textBytes(target), path);
      this.#links.add(path, target);
    }
    const parent = this.#parent(path);
    this.#create(path, () => this.#storage.symlink(path, target));
    this.#noteName(parent, path);
  }

  #hardlink(path: string, entry: TarEntry): void {
    if (path === '') throw entryError(entry.name, unsafe('it is a hard link in the place of the root'));
    if (entry.linkName === '') throw entryError(path, invalid('its link target is empty'));
    const target = checkPath(entry.linkName);
    if (isFault(target)) {
      throw entryError(path, { ...target, reason: `its link target is refused: ${target.reason}` });
    }
    const shown = showName(target);
    if (target === '' || !this.#directories.has(parentOf(target))) {
      throw entryError(path, invalid(`its link target "${shown}" is not a file before it in this layer`));
    }
    const kind = this.#storage.kindOf(target);
    if (kind === undefined || kind === 'directory') {
      throw entryError(path, invalid(`its link target "${shown}" is not a file before it in this layer`));
    }
    if (kind !== 'file') throw entryError(path, unsafe(`its link target "${shown}" is a symbolic link`));
    const parent = this.#parent(path);
    this.#create(path, () => this.#storage.link(path, target));
    this.#noteName(parent, path);
  }

  #whiteout(entry: TarEntry, into: Set<string>, path: string): void {
    if (entry.kind !== 'file' || entry.size !== 0) {
      throw entryError(entry.name, invalid('it is a whiteout that is not an empty file'));
    }
    if (into.has(path)) throw entryError(entry.name, invalid('an earlier entry has the same name'));
    this.#options.budget.charge(textBytes(path), path);
    into.add(path);
  }

  /** The parent of a path, made where it is not there. */
  #parent(path: string): DirectoryState {
    const parent = parentOf(path);
    // Most entries lie beside the one before.
    if (parent !== this.#lastParent) {
      if (!this.#directories.has(parent)) {
        this.#makeDirectory(parent, { mode: 0o755, stated: false, names: new Set() });
      }
      this.#lastParent = parent;
    }
    return this.#directories.get(parent) as DirectoryState;
  }

  #makeDirectory(path: string, state: DirectoryState): void {
    const above = parentOf(path);
    if (!this.#directories.has(above)) {
      this.#makeDirectory(above, { mode: 0o755, stated: false, names: new Set() });
    }
    this.#create(path, () => this.#storage.makeDirectory(path));
    this.#hold(directoryCost, path);
    this.#directories.set(path, state);
    this.#noteName(this.#directories.get(above) as DirectoryState, path);
  }

  /** Runs a call that makes `path` or fails with `EEXIST`. */
  #create(path: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw entryError(path, this.#occupied(path));
      throw inOperation(`Writing "${showName(path)}"`, error);
    }
  }

  #attempt(path: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      throw inOperation(`Writing "${showName(path)}"`, error);
    }
  }

  /** Why a name is taken: by an entry of that very name, or by one that the file system holds for the same. */
  #occupied(path: string): Fault {
    const wanted = baseOf(path);
    const found = this.#storage.list(parentOf(path)).find((entry) => entry.name === wanted);
    if (found === undefined) {
      return unsafe('this file system holds its name for the same as that of an earlier entry');
    }
    return found.kind === 'symlink'
      ? unsafe('an earlier entry of the same name is a symbolic link')
      : invalid('an earlier entry has the same name');
  }

  #hold(bytes: number, path: string): void {
    this.#held += this.#options.budget.charge(bytes, path);
  }

  #noteName(parent: DirectoryState, path: string): void {
    const folded = foldName(baseOf(path));
    // The whole path, for a part of a text keeps all of it.
    const size = textBytes(path);
    this.#hold(size === path.length ? size : size + textBytes(folded), path);
    if (!parent.names.has(folded)) {
      parent.names.add(folded);
    } else if (this.warnings.length < maxWarnings) {
      this.warnings.push(
        `"${showName(joinPath(parentOf(path), baseOf(path)))}" and another name beside it are the same where case and Unicode normalisation do not count, as on macOS and Windows`,
      );
    }
  }
}

function leavesRoot(target: string): Fault {
  return unsafe(
    `it is a symbolic link to "${showName(target)}", outside of its own tree`,
    'Its publisher can allow such links when publishing (--keep-external-links); they are then kept and never followed.',
  );
}

function orThrow<T extends string | NameMeaning>(name: string, value: T | Fault): T {
  if (isFault(value)) throw entryError(name, value);
  return value;
}
