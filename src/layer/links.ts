import { joinPath, parentOf } from '../tar/names.js';
import { isAbsoluteTarget } from '../tar/paths.js';

/** What to do with symbolic links that are absolute or lead out of the tree: refuse them, or keep them unfollowed. */
export type ExternalLinks = 'reject' | 'inert';

/** How many links one path may lead through; Linux gives up at the same number. */
const maxHops = 40;
/** The most characters of paths that all resolutions of one tree may look up together: some two seconds of work. */
const maxLookedUp = 64 * 1024 * 1024;

/**
 * Tells by text alone whether a target leaves the root: absolute, or with more leading `..` than the link is deep.
 * A `..` behind a name depends on what that name is; {@link SymlinkTable} decides it.
 */
export function leavesRootByText(path: string, target: string): boolean {
  if (isAbsoluteTarget(target)) return true;
  let depth = 0;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++;
  for (const part of target.split('/')) {
    if (part === '..') depth--;
    else if (part !== '' && part !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}

/** The symbolic links of one tree, to find those that leave it through other links. */
export class SymlinkTable {
  readonly #targets = new Map<string, string>();
  #lookedUp = 0;

  /** Takes a link; `path` is relative to the root, and its parents are real directories. */
  add(path: string, target: string): void {
    this.#targets.set(path, target);
  }

  /**
   * The first link that leads out of the root when links on its way are followed, or of which that cannot be told without
   * endless work; loops lead nowhere.
   */
  firstEscape(): { readonly path: string; readonly target: string } | undefined {
    for (const [path, target] of this.#targets) {
      // Without a ".." behind a name the text has told all, for each link on the way is checked for itself.
      if (!climbsBehindName(target)) continue;
      if (this.#escapes(path, target)) return { path, target };
    }
    return undefined;
  }

  #escapes(path: string, target: string): boolean {
    let at = parentOf(path);
    const pending = target.split('/').reverse();
    let hops = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at === '') return true;
        at = parentOf(at);
        continue;
      }
      const next = joinPath(at, part);
      this.#lookedUp += next.length;
      if (this.#lookedUp > maxLookedUp) return true;
      const link = this.#targets.get(next);
      if (link === undefined) {
        at = next;
        continue;
      }
      if (isAbsoluteTarget(link)) return true;
      if (++hops > maxHops) return false;
      for (const piece of link.split('/').reverse()) pending.push(piece);
    }
    return false;
  }
}

function climbsBehindName(target: string): boolean {
  if (!target.includes('..')) return false;
  let named = false;
  for (const part of target.split('/')) {
    if (part === '..' && named) return true;
    if (part !== '' && part !== '.' && part !== '..') named = true;
  }
  return false;
}
