import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import { isFault } from '../tar/faults.js';
import { decodeName, encodeName, foldName, fsPath, joinPath, showName } from '../tar/names.js';
import { checkPath, checkTargetText } from '../tar/paths.js';
import { type IgnoreRules, type ParentMatches, parseDockerignore } from './ignore.js';
import { type ExternalLinks, leavesRootByText, SymlinkTable } from './links.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import { nameMeaning } from './whiteouts.js';

/** Something to pack. `path` is relative, with `/`, as `decodeName` makes it of bytes. */
export type PackEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly executable: boolean }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string };

/** What goes into a layer, found before a byte of it is written. */
export interface PackPlan {
  /** In byte order of the names in the archive (directories with a slash at their end), so parents before children. */
  readonly entries: readonly PackEntry[];
  /** The sum of the sizes of the files. */
  readonly contentBytes: number;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/**
 * What a directory is: a checkout, of which `.git` and what `.dockerignore` names are left out, or a component as it was published,
 * which is all content.
 */
export type PackKind = 'checkout' | 'component';

/** The most problems that one error lists. */
const maxProblems = 10;

/**
 * Finds what of a directory goes into its layer: of a checkout all but `.git` (at any depth, as in git's own trees) and what its
 * `.dockerignore` leaves out, of a component all.
 * @throws EngineshedError `PATH_NOT_FOUND`, `FILE_PERMISSION`, `IO_FAILED`; `CONTENT_UNPUBLISHABLE` with every path that
 *   cannot go into a layer
 */
export function scanDirectory(directory: string, externalLinks: ExternalLinks, kind: PackKind): PackPlan {
  const stat = attempt(() => statSync(directory, { throwIfNoEntry: false }));
  if (stat === undefined || !stat.isDirectory()) {
    throw new EngineshedError(
      'PATH_NOT_FOUND',
      stat === undefined ? `There is no directory ${directory}` : `${directory} is not a directory`,
      { hint: 'Give the directory whose content is to be published.', details: { path: directory } },
    );
  }
  const scan = new Scan(directory, externalLinks, kind);
  attempt(() => scan.directory('', undefined));
  return scan.finish();
}

class Scan {
  readonly #root: string;
  readonly #externalLinks: ExternalLinks;
  readonly #kind: PackKind;
  readonly #rules: IgnoreRules | undefined;
  readonly #links = new SymlinkTable();
  readonly #entries: PackEntry[] = [];
  /** Directories on the way that are left out themselves, and come in with the first child that is not. */
  readonly #awaited: PackEntry[] = [];
  readonly #problems: { path: string; reason: string }[] = [];
  readonly #warnings: string[] = [];
  #hasExternalLink = false;
  #contentBytes = 0;

  constructor(root: string, externalLinks: ExternalLinks, kind: PackKind) {
    this.#root = root;
    this.#externalLinks = externalLinks;
    this.#kind = kind;
    this.#rules = kind === 'checkout' ? readRules(root) : undefined;
  }

  directory(path: string, parentMatches: ParentMatches | undefined): void {
    const folded = new Map<string, string>();
    for (const entry of inArchiveOrder(listDirectory(fsPath(this.#root, path)))) {
      if (entry.name === '.git' && this.#kind === 'checkout') continue;
      const child = joinPath(path, entry.name);
      const verdict = this.#rules?.match(child, parentMatches);
      const excluded = verdict?.excluded ?? false;
      if (excluded && (entry.kind !== 'directory' || !this.#rules?.mayIncludeBelow(child))) continue;
      if (!this.#checkName(child)) continue;
      if (!excluded) this.#noteFolded(folded, path, entry.name);
      this.#take(entry.kind, child, excluded, verdict?.matches);
    }
  }

  finish(): PackPlan {
    if (this.#externalLinks === 'reject') {
      const external = this.#links.firstEscape();
      if (external !== undefined) this.#externalLink(external.path, external.target);
    }
    if (this.#problems.length > 0) throw this.#error();
    return { entries: this.#entries, contentBytes: this.#contentBytes, warnings: this.#warnings };
  }

  #take(
    kind: ListedEntry['kind'],
    path: string,
    excluded: boolean,
    matches: ParentMatches | undefined,
  ): void {
    if (kind === 'directory') {
      const entry: PackEntry = { kind, path };
      if (excluded) this.#awaited.push(entry);
      else this.#add(entry);
      this.directory(path, matches);
      if (this.#awaited.at(-1) === entry) this.#awaited.pop();
    } else if (kind === 'symlink') {
      this.#symlink(path);
    } else if (kind === 'file') {
      const stat = lstatSync(fsPath(this.#root, path));
      this.#contentBytes += stat.size;
      this.#add({ kind, path, size: stat.size, executable: (stat.mode & 0o111) !== 0 });
    } else {
      this.#problem(path, `it is a ${specialKind(fsPath(this.#root, path))}`);
    }
  }

  #symlink(path: string): void {
    const target = decodeName(readlinkSync(fsPath(this.#root, path), { encoding: 'buffer' }));
    const fault = checkTargetText(target);
    if (fault !== undefined) this.#problem(path, fault.reason);
    else if (this.#externalLinks === 'reject' && leavesRootByText(path, target)) {
      this.#externalLink(path, target);
    } else {
      this.#links.add(path, target);
      this.#add({ kind: 'symlink', path, target });
    }
  }

  #add(entry: PackEntry): void {
    this.#entries.push(...this.#awaited, entry);
    this.#awaited.length = 0;
  }

  #checkName(path: string): boolean {
    const checked = checkPath(path);
    const meaning = isFault(checked) ? checked : nameMeaning(checked);
    if (isFault(meaning)) this.#problem(path, meaning.reason);
    else if (meaning.kind !== 'plain') {
      this.#problem(
        path,
        'names that begin with ".wh." mark removed files in a layer, so nobody could read it',
      );
    } else return true;
    return false;
  }

  #noteFolded(folded: Map<string, string>, directory: string, name: string): void {
    const key = foldName(name);
    const other = folded.get(key);
    if (other === undefined) folded.set(key, name);
    else {
      const [first, second] = [other, name].map((one) => showName(joinPath(directory, one)));
      this.#warnings.push(`"${first}" and "${second}" are the same name on macOS and Windows`);
    }
  }

  #externalLink(path: string, target: string): void {
    this.#hasExternalLink = true;
    this.#problem(path, `it is a symbolic link to "${showName(target)}", outside of the directory`);
  }

  #problem(path: string, reason: string): void {
    this.#problems.push({ path: showName(path), reason });
  }

  #error(): EngineshedError {
    const shown = this.#problems.slice(0, maxProblems).map(({ path, reason }) => `"${path}": ${reason}`);
    const more = this.#problems.length - shown.length;
    const list = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n  ');
    return new EngineshedError(
      'CONTENT_UNPUBLISHABLE',
      `${this.#root} cannot be published because of ${shown.length === 1 ? list : `\n  ${list}`}`,
      {
        hint: this.#hasExternalLink
          ? 'Leave the links out by .dockerignore, or keep them as they are with --keep-external-links.'
          : 'Remove them, or leave them out by .dockerignore.',
        details: { path: this.#problems[0]?.path ?? this.#root },
      },
    );
  }
}

/** Sorts by the bytes of the names as the archive has them, directories with a slash at their end. */
function inArchiveOrder(entries: ListedEntry[]): ListedEntry[] {
  return entries
    .map((entry) => ({
      entry,
      key: encodeName(entry.kind === 'directory' ? `${entry.name}/` : entry.name).toString('latin1'),
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ entry }) => entry);
}

function readRules(root: string): IgnoreRules | undefined {
  try {
    return parseDockerignore(readFileSync(`${root}/.dockerignore`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fromSystemError(error);
  }
}

function specialKind(path: string | Buffer): string {
  const stat = lstatSync(path);
  if (stat.isFIFO()) return 'FIFO';
  return stat.isSocket() ? 'socket' : 'device';
}

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromSystemError(error);
  }
}
