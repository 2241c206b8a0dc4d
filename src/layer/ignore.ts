import { posix } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { decodeName, showName } from '../tar/names.js';
import { compilePattern, type PathTest } from './ignore-pattern.js';

/** The most characters of a pattern: of much larger ones there is no regular expression. */
const maxPattern = 4096;

/** For each pattern, whether it matched a directory or one above it: what its children inherit. */
export type ParentMatches = readonly boolean[];

/** The patterns of a `.dockerignore`. */
export interface IgnoreRules {
  /**
   * Tells whether a path is left out.
   * @param path relative to the root, with `/`, no trailing slash
   * @param parent what this returned for the directory that the path lies in; undefined at the top
   */
  match(
    path: string,
    parent: ParentMatches | undefined,
  ): { readonly excluded: boolean; readonly matches: ParentMatches };
  /** Tells whether something below a directory that is left out may yet be taken in by an exception (`!`). */
  mayIncludeBelow(path: string): boolean;
}

interface Rule {
  readonly isException: boolean;
  /** The part of an exception before any wildcard; undefined where a wildcard is in it. */
  readonly fixed: string | undefined;
  readonly test: PathTest;
}

/**
 * Reads a `.dockerignore` with Docker's meaning (moby's `ignorefile` and `patternmatcher`, as BuildKit walks with them).
 * @throws EngineshedError `CONTENT_UNPUBLISHABLE` where Docker refuses a pattern, or it has more than 4,096 characters
 */
export function parseDockerignore(bytes: Buffer): IgnoreRules {
  const bom = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  const rules = decodeName(bytes, bom)
    .split('\n')
    .flatMap((line) => parseLine(line) ?? []);
  return {
    match: (path, parent) => match(rules, path, parent),
    mayIncludeBelow: (path) =>
      rules.some(({ isException, fixed }) => isException && `${fixed ?? path}/`.startsWith(`${path}/`)),
  };
}

function match(
  rules: readonly Rule[],
  path: string,
  parent: ParentMatches | undefined,
): { excluded: boolean; matches: ParentMatches } {
  let excluded = false;
  const matches = rules.map((rule, index) => {
    let matched = parent?.[index] ?? false;
    if (!matched) {
      // A rule that could change nothing is not asked, and its children do not inherit what it would have said.
      if (rule.isException !== excluded) return false;
      matched = rule.test(path);
    }
    if (matched) excluded = !rule.isException;
    return matched;
  });
  return { excluded, matches };
}

function parseLine(line: string): Rule | undefined {
  if (line.startsWith('#')) return undefined;
  let pattern = trim(line);
  if (pattern === '') return undefined;
  const inverted = pattern.startsWith('!');
  if (inverted) pattern = trim(pattern.slice(1));
  if (pattern !== '') {
    pattern = clean(pattern);
    if (pattern.length > 1 && pattern.startsWith('/')) pattern = pattern.slice(1);
  }
  // The matcher cleans once more, now with the "!" as a part of the first component.
  pattern = clean(trim(inverted ? `!${pattern}` : pattern));
  const isException = pattern.startsWith('!');
  if (isException) pattern = pattern.slice(1);
  const test = pattern === '' || pattern.length > maxPattern ? undefined : compilePattern(pattern);
  if (test === undefined) {
    throw new EngineshedError(
      'CONTENT_UNPUBLISHABLE',
      `.dockerignore has a pattern that is malformed or has more than ${maxPattern} characters: ${showName(trim(line))}`,
      {
        hint: 'Correct it; Docker refuses it as soon as it compares a path with it.',
        details: { path: '.dockerignore' },
      },
    );
  }
  const fixed = pattern.replace(/\/?\*\*$/, '');
  return { isException, fixed: /[*[\]?^\\]/.test(fixed) ? undefined : fixed, test };
}

/** Go's `filepath.Clean`. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** Go's `strings.TrimSpace`, which takes U+0085 for white space and U+FEFF not. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && whiteSpace.test(text.charAt(start))) start++;
  while (end > start && whiteSpace.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

const whiteSpace = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
