import rcompare from 'semver/functions/rcompare.js';

/** What may stand between braces in a name. */
export type Placeholder = 'date' | 'version';

/** A name, or a family of names that differ in a placeholder. */
export interface NamePattern {
  /** As it is written, for instance `tram-{date}`. */
  readonly text: string;
  /** What the names differ in; undefined for a fixed name. */
  readonly placeholder: Placeholder | undefined;
}

interface PlaceholderRule {
  readonly sample: string;
  readonly accepts: (value: string) => boolean;
  readonly newestFirst: (a: string, b: string) => number;
}

const rules: Record<Placeholder, PlaceholderRule> = {
  date: { sample: '20000101', accepts: isDate, newestFirst: (a, b) => (a < b ? 1 : -1) },
  version: { sample: '1.0.0', accepts: isVersion, newestFirst: rcompare },
};

/** The placeholders that there are, as they are written. */
const placeholders = Object.keys(rules).map((name) => `{${name}}`);

/**
 * Reads a name with at most one placeholder.
 * @returns the pattern, or what is wrong with it
 */
export function parsePattern(text: string): NamePattern | { readonly fault: string } {
  const found = text.match(/\{[^{}]*\}/g) ?? [];
  if (found.length === 0) return { text, placeholder: undefined };
  const [only = ''] = found;
  if (found.length > 1) return { fault: 'it has more than one placeholder' };
  const name = only.slice(1, -1);
  if (name === 'date' || name === 'version') return { text, placeholder: name };
  return { fault: `${only} is no placeholder; there are ${placeholders.join(' and ')}` };
}

/** The name or tag that a pattern gives for a value of its placeholder. */
export function fillPattern(pattern: NamePattern, value: string | undefined): string {
  const { text, placeholder } = pattern;
  return placeholder === undefined || value === undefined ? text : text.replace(`{${placeholder}}`, value);
}

/** A member of the family that stands for all when grammar is checked. */
export function samplePattern(pattern: NamePattern): string {
  return fillPattern(pattern, pattern.placeholder && rules[pattern.placeholder].sample);
}

/**
 * The value that the placeholder has in a member of the family: eight digits of a real date, or a semantic version without
 * prerelease and build. Undefined for every other name.
 */
export function matchPattern(pattern: NamePattern, name: string): string | undefined {
  const value = placeholderText(pattern, name);
  return value !== undefined && pattern.placeholder && rules[pattern.placeholder].accepts(value)
    ? value
    : undefined;
}

/** What stands where the placeholder is, valid or not; undefined where the rest of the name is another. */
export function placeholderText(pattern: NamePattern, name: string): string | undefined {
  if (pattern.placeholder === undefined) return undefined;
  const [before = '', after = ''] = pattern.text.split(`{${pattern.placeholder}}`);
  const fits = name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
  return fits ? name.slice(before.length, name.length - after.length) : undefined;
}

/** Those of some names that are in the family, the newest first. */
export function membersOf(pattern: NamePattern, names: readonly string[]): string[] {
  const { placeholder } = pattern;
  if (placeholder === undefined) return [];
  return names
    .flatMap((name) => matchPattern(pattern, name) ?? [])
    .sort(newestFirst(placeholder))
    .map((value) => fillPattern(pattern, value));
}

/** Orders values of a placeholder, the newest first: by date, or by precedence of versions. */
export function newestFirst(placeholder: Placeholder): (a: string, b: string) => number {
  return rules[placeholder].newestFirst;
}

function isDate(value: string): boolean {
  const match = /^([1-9]\d{3})(\d\d)(\d\d)$/.exec(value);
  if (match === null) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function isVersion(value: string): boolean {
  return /^(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})$/.test(value);
}
