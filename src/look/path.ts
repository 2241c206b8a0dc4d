import { EngineshedError, nearest } from '../errors/index.js';
import { joinPath, parentOf, showName } from '../tar/names.js';
import type { Found } from './tree.js';

/** How many links one path may lead through; Linux gives up at the same number. */
const maxHops = 40;

/** What {@link followPath} asks. */
export interface PathReader {
  /**
   * What stands at a path, links not followed.
   * @param rest what follows it on the way, as written
   */
  lookUp(path: string, rest: readonly string[]): Promise<Found | undefined>;
  /** The names in a directory that was found. */
  names(path: string): Promise<Iterable<string>>;
}

/** Where a path leads. */
export interface Destination {
  /** Relative to the root of the image; no link is on the way any more. */
  readonly path: string;
  readonly found: Found;
}

/**
 * Follows a path inside of an image as a process would whose root directory the image is: a leading `/` is the image's root,
 * nothing leads above it, and absolute links begin at it.
 * @throws EngineshedError `PATH_NOT_FOUND`: nothing there, through a file, links in a circle
 */
export async function followPath(asked: string, reader: PathReader): Promise<Destination> {
  const pending = components(asked);
  let hops = 0;
  let at = '';
  let found = await reader.lookUp('', []);
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (found?.entry.kind === 'file') throw notFound(asked, `"${showName(at)}" is a file`);
    if (part === '..') {
      at = parentOf(at);
      found = await reader.lookUp(at, []);
      continue;
    }
    const next = joinPath(at, part);
    const there = await reader.lookUp(next, pending.toReversed());
    if (there === undefined) {
      const where =
        next === components(asked).reverse().join('/') ? undefined : `there is no "${showName(next)}"`;
      throw notFound(asked, where, meant(at, part, await reader.names(at)));
    }
    const { target } = there.entry;
    if (target === undefined) {
      at = next;
      found = there;
      continue;
    }
    if (++hops > maxHops) throw notFound(asked, `the symbolic link "${showName(next)}" leads in a circle`);
    pending.push(...components(target));
    if (!target.startsWith('/')) continue;
    at = '';
    found = await reader.lookUp(at, []);
  }
  if (found === undefined) throw new EngineshedError('INTERNAL', `The path ${asked} ended nowhere`);
  return { path: at, found };
}

function meant(directory: string, part: string, names: Iterable<string>): string | undefined {
  const near = nearest(part, names);
  return near === undefined ? undefined : `Did you mean "${showName(joinPath(directory, near))}"?`;
}

/** The last one first. */
function components(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .reverse();
}

function notFound(asked: string, reason: string | undefined, hint?: string): EngineshedError {
  const why = reason === undefined ? '' : `: ${reason}`;
  return new EngineshedError('PATH_NOT_FOUND', `There is no "${showName(asked)}" in the image${why}`, {
    hint: hint ?? 'See what there is with: engineshed ls',
    details: { path: showName(asked) },
  });
}
