import { baseOf, parentOf } from '../tar/names.js';
import { type NameBudget, textBytes } from './name-budget.js';
import type { TreeStorage } from './tree-storage.js';

/** An entry of a layer, as it would stand on disk. */
export interface LayerEntry {
  /** Its name in its directory, as `decodeName` makes it of bytes. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permissions as they are installed; 0o777 for symbolic links, which have none. */
  readonly mode: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** The target of a symbolic link. */
  readonly target?: string;
  /** Where in the layer the content of a hard link is. */
  readonly contentAt?: string;
}

/** A file whose content is wanted while its layer is read. */
export interface WantedFile {
  readonly path: string;
  /** Takes the next bytes, valid only during the call. */
  write(chunk: Buffer, start: number, end: number): void;
}

type Node = { -readonly [Key in keyof LayerEntry]: LayerEntry[Key] } & { children?: Map<string, Node> };

/** A tree in memory: names, modes and sizes, and the content of at most one file, which is passed on. */
export class MemoryTree implements TreeStorage {
  readonly #root: Node = { name: '', kind: 'directory', mode: 0o755, size: 0, children: new Map() };
  readonly #budget: NameBudget;
  readonly #wanted: WantedFile | undefined;
  #file: Node = this.#root;
  #fileIsWanted = false;
  #lastParent = '';
  #lastDirectory: Node = this.#root;

  constructor(budget: NameBudget, wanted: WantedFile | undefined) {
    this.#budget = budget;
    this.#wanted = wanted;
  }

  list(path: string): LayerEntry[] {
    return [...(this.#find(path)?.children?.values() ?? [])];
  }

  kindOf(path: string): LayerEntry['kind'] | undefined {
    return this.#find(path)?.kind;
  }

  createFile(path: string, mode: number): void {
    this.#file = this.#add(path, { kind: 'file', mode, size: 0 });
    this.#fileIsWanted = path === this.#wanted?.path;
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#file.size += end - start;
    if (this.#fileIsWanted) this.#wanted?.write(chunk, start, end);
  }

  closeFile(): void {}

  makeDirectory(path: string): void {
    this.#add(path, { kind: 'directory', mode: 0o700, size: 0, children: new Map() });
  }

  setMode(path: string, mode: number): void {
    const node = this.#find(path);
    if (node !== undefined) node.mode = mode;
  }

  symlink(path: string, target: string): void {
    this.#add(path, { kind: 'symlink', mode: 0o777, size: 0, target });
  }

  link(path: string, target: string): void {
    const { mode = 0, size = 0, contentAt = target } = this.#find(target) ?? {};
    this.#add(path, { kind: 'file', mode, size, contentAt });
  }

  #add(path: string, entry: Omit<Node, 'name'>): Node {
    const siblings = this.#directoryAt(parentOf(path)).children;
    const name = baseOf(path);
    if (siblings === undefined || siblings.has(name))
      throw Object.assign(new Error(`"${path}" is there`), { code: 'EEXIST', syscall: 'create' });
    // The whole path, for a part of a text keeps all of it.
    this.#budget.charge(textBytes(path) + textBytes(entry.target ?? entry.contentAt ?? ''), path);
    const node = { name, ...entry };
    siblings.set(name, node);
    return node;
  }

  #directoryAt(path: string): Node {
    // Most entries lie beside the one before.
    if (path !== this.#lastParent) {
      this.#lastDirectory = this.#find(path) ?? this.#root;
      this.#lastParent = path;
    }
    return this.#lastDirectory;
  }

  #find(path: string): Node | undefined {
    if (path === '') return this.#root;
    let node: Node | undefined = this.#root;
    for (const name of path.split('/')) node = node?.children?.get(name);
    return node;
  }
}
