import { readlinkSync, type Stats } from 'node:fs';
import type { Digest } from '../oci/index.js';
import { decodeName, fsPath, joinPath, parentOf, showName } from '../tar/names.js';
import { type CheckOptions, TreeReader } from './check.js';
import type { RecordedEntry } from './recording.js';

/** How to check the files of a layer. */
export interface CheckFilesOptions extends CheckOptions {
  /** Whether a file has to be read, by its time of change in milliseconds; what is not read is right by its size and mode. */
  readonly mustRead: (changedMs: number) => boolean;
}

type RecordedFile = Extract<RecordedEntry, { kind: 'file' }>;
type RecordedLink = Extract<RecordedEntry, { kind: 'hardlink' }>;

/**
 * Compares what stands in a directory with what `applyLayer` wrote there: kinds, modes, sizes, content, targets, and nothing more than
 * that. Links are never followed, not on the way to a path either: what lies below a path that is no directory any more is told
 * with that path. The memory that it takes grows with the directories, and with the entries only where there are some too many.
 * @param entries begins to read the record anew at each call
 */
export async function checkFiles(
  root: string,
  entries: () => Iterable<RecordedEntry>,
  options: CheckFilesOptions,
): Promise<void> {
  const checker = new FileChecker(root, entries, options);
  await checker.run();
}

class FileChecker {
  readonly #reader: TreeReader;
  readonly #entries: () => Iterable<RecordedEntry>;
  readonly #mustRead: CheckFilesOptions['mustRead'];
  /** By path, whether it and all above it are directories. */
  readonly #solid = new Map<string, boolean>([['', true]]);
  /** Hard links that are files of their own, by the path of what they should be another name of. */
  readonly #apart = new Map<string, RecordedLink[]>();
  #lastParent = '';

  constructor(root: string, entries: () => Iterable<RecordedEntry>, options: CheckFilesOptions) {
    this.#reader = new TreeReader(root, options);
    this.#entries = entries;
    this.#mustRead = options.mustRead;
  }

  async run(): Promise<void> {
    if (!this.#reader.checkRoot()) return;
    let found = 0;
    for (const entry of this.#entries()) {
      if (!this.#isSolid(parentOf(entry.path))) continue;
      const stat = this.#reader.stat(entry.path);
      if (stat === undefined) continue;
      found++;
      await this.#compare(entry, stat);
    }
    if (this.#apart.size > 0) await this.#checkApart();
    if (this.#count('') > found) this.#tellExtras();
  }

  async #compare(entry: RecordedEntry, stat: Stats): Promise<void> {
    const { path } = entry;
    if (entry.kind === 'file') return this.#file(entry, path, stat);
    if (entry.kind === 'hardlink') return this.#hardlink(entry, stat);
    if (!this.#reader.checkKind(path, stat, entry.kind)) return;
    if (entry.kind === 'directory') this.#reader.checkMode(path, stat, entry.mode);
    else this.#symlink(path, entry.target);
    await this.#reader.seen();
  }

  /** Compares what stands at `path` with a file that was recorded. */
  async #file({ mode, size, sum }: RecordedFile, path: string, stat: Stats): Promise<void> {
    if (!this.#reader.checkKind(path, stat, 'file')) return;
    this.#reader.checkMode(path, stat, mode);
    if (!this.#reader.checkSize(path, stat, size)) return;
    if (!this.#mustRead(stat.mtimeMs)) return this.#reader.seen();
    const actual =
      typeof sum === 'number' ? await this.#reader.crc(path) : await this.#reader.digest(path, sum);
    if (actual !== undefined && actual !== sum)
      this.#reader.fault(path, 'content', checksum(sum), checksum(actual));
  }

  #symlink(path: string, expected: string): void {
    const link = () => readlinkSync(fsPath(this.#reader.root, path), { encoding: 'buffer' });
    const actual = this.#reader.attempt(path, link);
    if (actual === undefined || decodeName(actual) === expected) return;
    this.#reader.fault(path, 'target', showName(expected), showName(decodeName(actual)));
  }

  /** A link that was copied is right where its content is. */
  async #hardlink(entry: RecordedLink, stat: Stats): Promise<void> {
    if (!this.#reader.checkKind(entry.path, stat, 'file')) return;
    const target = this.#isSolid(parentOf(entry.target)) ? this.#reader.peek(entry.target) : undefined;
    if (target?.ino === stat.ino && target.dev === stat.dev) return this.#reader.seen();
    const others = this.#apart.get(entry.target);
    if (others === undefined) this.#apart.set(entry.target, [entry]);
    else others.push(entry);
  }

  async #checkApart(): Promise<void> {
    for (const entry of this.#entries()) {
      if (entry.kind !== 'file') continue;
      for (const { path } of this.#apart.get(entry.path) ?? []) {
        const stat = this.#reader.peek(path);
        if (stat !== undefined) await this.#file(entry, path, stat);
      }
    }
  }

  #isSolid(path: string): boolean {
    // Most entries lie beside the one before.
    if (path === this.#lastParent) return this.#solid.get(path) ?? true;
    let solid = this.#solid.get(path);
    if (solid === undefined) {
      solid = this.#isSolid(parentOf(path)) && this.#reader.peek(path)?.isDirectory() === true;
      this.#solid.set(path, solid);
    }
    this.#lastParent = path;
    return solid;
  }

  /** How many entries stand in a directory, and below it. */
  #count(path: string): number {
    const standing = this.#reader.list(path);
    return standing.reduce(
      (sum, { name, kind }) => sum + 1 + (kind === 'directory' ? this.#count(joinPath(path, name)) : 0),
      0,
    );
  }

  #tellExtras(): void {
    const directories = new Set(['']);
    const others = new Set<string>();
    for (const { kind, path } of this.#entries()) (kind === 'directory' ? directories : others).add(path);
    const visit = (path: string) => {
      for (const { name, kind } of this.#reader.list(path)) {
        const child = joinPath(path, name);
        if (directories.has(child)) {
          if (kind === 'directory') visit(child);
        } else if (!others.has(child)) this.#reader.fault(child, 'extra', undefined, kind);
      }
    };
    visit('');
  }
}

function checksum(sum: number | Digest): string {
  return typeof sum === 'string' ? sum : `crc32:${sum.toString(16).padStart(8, '0')}`;
}
