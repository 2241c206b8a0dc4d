import { parse, type SemVer } from 'semver';

/**
 * `1.2.3`, and the loose forms `v1`, `1.2`, `v1.2-rc.1`; a bare number of six digits or more is a date or
 * a commit, and `2026-03-01` a date.
 */
const loose = /^(?:v(\d+)|(\d{1,5})(?=$|[.-]))(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?$/;

/** The version that a tag is; undefined for one that is none. What is missing of it counts as 0. */
export function versionOf(tag: string): SemVer | undefined {
  const [, marked, bare, minor, patch = '0', prerelease] = loose.exec(tag) ?? [];
  const major = marked ?? bare;
  const isDate = minor === undefined && /^\d/.test(prerelease ?? '');
  if (major === undefined || isDate) return undefined;
  const text = [major, minor ?? '0', patch].map(withoutZeros).join('.');
  return parse(prerelease === undefined ? text : `${text}-${prerelease}`, { loose: true }) ?? undefined;
}

/**
 * Sorts tags by version, the newest first, prereleases below their release (semantic versioning, "Precedence"); equal ones
 * and, behind all versions, tags that are none, by name.
 */
export function sortByVersion(tags: readonly string[]): string[] {
  const versions = tags.map((tag) => ({ tag, version: versionOf(tag) }));
  versions.sort((a, b) => {
    if (a.version !== undefined && b.version !== undefined)
      return b.version.compare(a.version) || byName(a, b);
    if (a.version !== undefined) return -1;
    return b.version === undefined ? byName(a, b) : 1;
  });
  return versions.map(({ tag }) => tag);
}

function byName(a: { readonly tag: string }, b: { readonly tag: string }): number {
  return a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0;
}

function withoutZeros(number: string): string {
  return number.replace(/^0+(?=\d)/, '');
}
