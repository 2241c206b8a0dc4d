import { describe, expect, it } from 'vitest';
import { parseDockerignore } from '../../src/layer/ignore.js';

/** Tells whether a path is left out, asking for its parents first as a walk does. */
function excludes(ignore: string, path: string): boolean {
  const rules = parseDockerignore(Buffer.from(ignore));
  const parts = path.split('/');
  let parent: readonly boolean[] | undefined;
  let excluded = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const verdict = rules.match(parts.slice(0, depth).join('/'), parent);
    parent = verdict.matches;
    excluded = verdict.excluded;
  }
  return excluded;
}

/** Pattern, path, whether it is left out; the expectations are those of moby's matcher, which was run to compare. */
const single: [pattern: string, path: string, excluded: boolean][] = [
  ['**', 'file', true],
  ['**/', 'dir/file', true],
  ['**/**', 'dir/file', true],
  ['*', 'a/b', true],
  ['dir/**', 'dir/deep/file', true],
  ['dir/**', 'dir', false],
  ['dir/*', 'dir', false],
  ['dir/*', 'dir/sub/file', true],
  ['**/name', 'name', true],
  ['**/name', 'a/b/name', true],
  ['**/name', 'a/name/below', true],
  ['**/name', 'a/rename', false],
  ['**name', 'a/rename', true],
  ['a**', 'abc/def', true],
  ['a**', 'b', false],
  ['**/*.go', 'main.go', true],
  ['**/*.go', 'a/b/main.go', true],
  ['**/*.go', 'a/b/main.gob', false],
  ['**/a/*/c', 'x/a/b/c', true],
  ['**/a/*/c', 'x/a/b/b/c', false],
  ['*.txt', 'a/file.txt', false],
  ['a/*.txt', 'a/file.txt', true],
  ['a/*.txt', 'a/b/file.txt', false],
  ['a?c', 'abc', true],
  ['a?c', 'a☺c', true],
  ['a?c', 'a/c', false],
  ['a?c', 'ac', false],
  ['[a-c]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[^a-c]x', 'dx', true],
  ['[!a]x', '!x', true],
  ['[\\]]x', ']x', true],
  ['[\\-z]x', '-x', true],
  ['[α-ω]', 'β', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['[*]', '*', false],
  ['.*', '.hidden', true],
  ['.*', 'shown', false],
  ['a.c', 'abc', false],
  ['a.c*', 'abc', false],
  ['a(b)+$c', 'a(b)+$c', true],
  ['a(b)+$c*', 'a(b)+$c', true],
  ['one|two*', 'one', true],
  ['a{2}*', 'aab', true],
  ['{a,b}*', '{a,b}x', true],
  ['one|two', 'one', false],
  ['Name', 'name', false],
  ['dir', 'dir/a/b', true],
  ['dir/', 'dir/a', true],
  ['/dir', 'dir', true],
  ['//dir', 'dir', true],
  ['/', 'dir', false],
  ['.', 'dir', false],
  ['./dir', 'dir', true],
  ['a/../b', 'b', true],
  ['../b', 'b', false],
  ['a//b/./c', 'a/b/c', true],
  ['a/b', 'x/a/b', false],
  ['  dir \t', 'dir', true],
  ['dir\r', 'dir', true],
  ['\u00a0dir\u2003', 'dir', true],
  ['#dir', '#dir', false],
  [' #dir', '#dir', true],
  ['\\#dir', '#dir', true],
  ['\ufeffdir', 'dir', true],
  ['\n\ufeffdir', 'dir', false],
  ['', 'dir', false],
];

const several: [lines: string[], path: string, excluded: boolean][] = [
  [['docs', '!docs/README.md'], 'docs/README.md', false],
  [['docs', '!docs/README.md'], 'docs/other.md', true],
  [['!docs/README.md', 'docs'], 'docs/README.md', true],
  [['*.md', '!README*.md', 'README-secret.md'], 'README-secret.md', true],
  [['*.md', '!README*.md', 'README-secret.md'], 'README-public.md', false],
  [['*.md', 'README-secret.md', '!README*.md'], 'README-secret.md', false],
  [['**', '!a/b'], 'a/b/c', false],
  [['**', '!a/b', 'a/b/c'], 'a/b/c', true],
  [['*', '!a'], 'a/b', false],
  [['*', '! a'], 'a/b', false],
  [['*', '!/a'], 'a/b', false],
  [['*', '!./a/'], 'a/b', false],
  [['*', '!**/*.sh'], 'bin/run.sh', false],
  [['*', '!**/*.sh'], 'bin/run', true],
  [['node_modules', '!node_modules/mine', 'node_modules/mine/tmp'], 'node_modules/mine/tmp/x', true],
  [['# comment', 'a', '', '#!b'], 'b', false],
  // A rule that had nothing to say of the parent is not inherited from it: BuildKit takes a/b/c in.
  [['a*', '!a/b', 'a'], 'a/b/c', false],
];

describe('.dockerignore', () => {
  it.each(single)('%j says of %j: left out %s', (pattern, path, excluded) => {
    expect(excludes(pattern, path)).toBe(excluded);
  });

  it.each(several)('%j says of %j: left out %s', (lines, path, excluded) => {
    expect(excludes(lines.join('\n'), path)).toBe(excluded);
    expect(excludes(lines.join('\r\n'), path)).toBe(excluded);
  });

  it.each(['!', '! ', '!/', '[', 'a[', '[]', '[]a]', '[-a]', '[a-]', '[a', '[^', 'a\\', '[b-a]x', '\\q*'])(
    'refuses the malformed pattern %j',
    (pattern) => {
      expect(() => parseDockerignore(Buffer.from(`fine\n${pattern}`))).toThrow(
        expect.objectContaining({ code: 'CONTENT_UNPUBLISHABLE', details: { path: '.dockerignore' } }),
      );
    },
  );

  it('descends into what is left out where an exception may match below, and only there', () => {
    const rules = parseDockerignore(Buffer.from('*\n!a/b/c\n'));
    expect(rules.mayIncludeBelow('a')).toBe(true);
    expect(rules.mayIncludeBelow('a/b')).toBe(true);
    expect(rules.mayIncludeBelow('a/x')).toBe(false);
    expect(rules.mayIncludeBelow('ab')).toBe(false);
    expect(parseDockerignore(Buffer.from('*\n!**/x')).mayIncludeBelow('any/where')).toBe(true);
    expect(parseDockerignore(Buffer.from('*\na/b')).mayIncludeBelow('a')).toBe(false);
  });

  it('is quick with many doubled stars', () => {
    expect(excludes(`${'**/'.repeat(40)}x`, `${'a/'.repeat(60)}b`)).toBe(false);
  });

  it('compares names that are not UTF-8 byte for byte', () => {
    const rules = parseDockerignore(Buffer.from([0x61, 0xff, 0x0a, 0x62, 0x3f]));
    expect(rules.match('a\udcff', undefined).excluded).toBe(true);
    expect(rules.match('a\udcfe', undefined).excluded).toBe(false);
    expect(rules.match('b\udcfe', undefined).excluded).toBe(true);
  });
});
