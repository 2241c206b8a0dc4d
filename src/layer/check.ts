import { closeSync, constants, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { crc32 } from 'node:zlib';
import { onWindows } from '../files/system.js';
import { createDigester, type Digest, digestAlgorithm } from '../oci/index.js';
import { fsPath } from '../tar/names.js';
import { type ListedEntry, listDirectory } from './list-directory.js';

/** How a path of a tree differs from what must stand there. */
export type FaultKind =
  | 'missing'
  | 'extra'
  | 'kind'
  | 'mode'
  | 'size'
  | 'content'
  | 'target'
  /** The file system cannot read it, or the user may not. */
  | 'unreadable';

/** A path of a tree that is not as it must be. */
export interface TreeFault {
  /** From the root of the tree, as `decodeName` gives it; empty for the root itself. */
  readonly path: string;
  readonly fault: FaultKind;
  /** For people: a kind, an octal mode, a size in bytes, a checksum, a target; left out where that tells nothing. */
  readonly expected?: string;
  readonly actual?: string;
}

/** What a check tells while it runs. */
export interface CheckOptions {
  /** The mode of the tree's root. */
  readonly rootMode: number;
  readonly onFault: (fault: TreeFault) => void;
  /** Called for each file, with how many bytes of it were read. */
  readonly onFile: (bytes: number) => void;
}

/** Looks at what stands in a tree, links never followed, and lets others have their turn. */
export class TreeReader {
  readonly root: string;
  readonly #options: CheckOptions;
  #work = 0;

  constructor(root: string, options: CheckOptions) {
    this.root = root;
    this.#options = options;
  }

  /** Tells that a path is not as it must be. */
  fault(path: string, fault: FaultKind, expected?: string, actual?: string): void {
    this.#options.onFault({
      path,
      fault,
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
    });
  }

  /** Whether the root is a directory with its mode; tells what it is else. */
  checkRoot(): boolean {
    const stat = this.stat('');
    if (stat === undefined) return false;
    if (!this.checkKind('', stat, 'directory')) return false;
    this.checkMode('', stat, this.#options.rootMode);
    return true;
  }

  /** What stands at a path; undefined, and a fault, where nothing can be found. */
  stat(path: string): Stats | undefined {
    return this.attempt(path, () => {
      const stat = lstatSync(fsPath(this.root, path), { throwIfNoEntry: false });
      if (stat === undefined) this.fault(path, 'missing');
      return stat;
    });
  }

  /** What stands at a path; undefined where nothing can be found, and that is no fault here. */
  peek(path: string): Stats | undefined {
    try {
      return lstatSync(fsPath(this.root, path), { throwIfNoEntry: false });
    } catch {
      return undefined;
    }
  }

  /** What stands in a directory; nothing, and a fault, where it cannot be read. */
  list(path: string): ListedEntry[] {
    return this.attempt(path, () => listDirectory(fsPath(this.root, path))) ?? [];
  }

  checkKind(path: string, stat: Stats, expected: ListedEntry['kind']): boolean {
    const actual = kindOf(stat);
    if (actual !== expected) this.fault(path, 'kind', expected, actual);
    return actual === expected;
  }

  checkMode(path: string, stat: Stats, expected: number): void {
    const actual = stat.mode & 0o7777;
    // Windows keeps only whether a file may be written, and forgets that when another name of the file is removed.
    if (!onWindows && actual !== expected) this.fault(path, 'mode', octal(expected), octal(actual));
  }

  /** Whether a file has a size; the fault is told. */
  checkSize(path: string, stat: Stats, expected: number): boolean {
    if (stat.size === expected) return true;
    this.fault(path, 'size', String(expected), String(stat.size));
    return false;
  }

  /** The CRC-32 of a file; undefined, and a fault, where it cannot be read. */
  async crc(path: string): Promise<number | undefined> {
    let crc = 0;
    const isRead = await this.#readAll(path, (chunk) => {
      crc = crc32(chunk, crc);
    });
    return isRead ? crc : undefined;
  }

  /** The digest of a file, by the algorithm of another one; undefined, and a fault, where it cannot be read. */
  async digest(path: string, like: Digest): Promise<Digest | undefined> {
    const digester = createDigester(digestAlgorithm(like));
    const isRead = await this.#readAll(path, (chunk) => digester.update(chunk));
    return isRead ? digester.digest() : undefined;
  }

  /** Runs what reads a path; what the file system refuses is a fault. */
  attempt<T>(path: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      return this.#unreadable(path, error);
    }
  }

  /** Says that a file was checked of which nothing more had to be read. */
  seen(): Promise<void> {
    this.#options.onFile(0);
    return this.#takeTurns(entryWork);
  }

  /** Whether a file could be read; it is a fault where not. */
  async #readAll(path: string, take: (chunk: Buffer) => void): Promise<boolean> {
    try {
      await this.#read(fsPath(this.root, path), take);
      return true;
    } catch (error) {
      this.#unreadable(path, error);
      return false;
    }
  }

  async #read(path: string | Buffer, take: (chunk: Buffer) => void): Promise<void> {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    let bytes = 0;
    try {
      for (;;) {
        const length = readSync(fd, shared, 0, shared.length, null);
        if (length === 0) break;
        take(shared.subarray(0, length));
        bytes += length;
        await this.#takeTurns(length);
      }
    } finally {
      closeSync(fd);
    }
    this.#options.onFile(bytes);
    await this.#takeTurns(bytes + entryWork);
  }

  #unreadable(path: string, error: unknown): undefined {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    this.fault(path, 'unreadable', undefined, code);
    return undefined;
  }

  async #takeTurns(work: number): Promise<void> {
    this.#work += work;
    if (this.#work < turn) return;
    this.#work = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How much a turn does, in bytes that are read. */
const turn = 32 * 1024 * 1024;
/** What looking at an entry takes beside reading it, as bytes. */
const entryWork = 64 * 1024;
/** What is read at once, in bytes. Nobody else has a turn between a read and its use. */
const shared = Buffer.allocUnsafeSlow(1024 * 1024);

function kindOf(stat: Stats): ListedEntry['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : 'other';
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
