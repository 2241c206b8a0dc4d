import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchTag, parseTag, pullRequestTag, taggedFeature } from '../../src/oci/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

describe('the tag of a branch', () => {
  it('is its name where that is a tag', () => {
    expect(branchTag('fix-12')).toBe('branch-fix-12');
    expect(branchTag('Fix_1.2')).toBe('branch-Fix_1.2');
    expect(branchTag('-x')).toBe('branch--x');
  });

  it('tells branches apart whose names look the same in a tag', () => {
    const tag = branchTag('feature/x');
    expect(tag).toMatch(/^branch-feature-x-[0-9a-f]{12}$/);
    const all = [
      'feature/x',
      'feature-x',
      'feature//x',
      'feature x',
      'feature+x',
      tag.slice(7),
      branchTag(tag.slice(7)).slice(7),
    ];
    expect(new Set(all.map(branchTag)).size).toBe(all.length);
    const long = [
      'a'.repeat(121),
      'a'.repeat(122),
      'a'.repeat(500),
      `${'a'.repeat(499)}b`,
      `${'a'.repeat(300)}/b`,
    ];
    expect(new Set(long.map(branchTag)).size).toBe(long.length);
    expect(branchTag(long[0] ?? '')).toBe(`branch-${'a'.repeat(121)}`);
  });

  it('is a valid tag of that form for any name, and never one of a channel or release', {
    timeout: fuzzTimeout,
  }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (branch) => {
        const tag = branchTag(branch);
        expect(parseTag(tag)).toBe(tag);
        expect(taggedFeature(tag)).toEqual({ kind: 'branch' });
        expect(branchTag(branch)).toBe(tag);
      }),
      fuzzing(100),
    );
    for (const odd of ['/', '日本', 'é', '..', 'latest', '1.2.3'])
      expect(branchTag(odd)).toMatch(/^branch-[\w.-]+$/);
  });

  it('is told from every other tag by its form', () => {
    expect(taggedFeature(pullRequestTag(12))).toEqual({ kind: 'pull request', number: 12 });
    for (const tag of [
      'latest',
      'edge',
      'pr-',
      'pr-x',
      'pr-012',
      'branch-',
      'branch',
      'my-branch-x',
      '1.0.0',
      'pr-1-x',
    ])
      expect(taggedFeature(tag)).toBeUndefined();
  });
});
