import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, parseJson } from '../../src/oci/index.js';
import { lacks } from '../support/bootstrap.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { mutated } from '../support/mutated.js';

const source = (name: string) =>
  readFileSync(new URL(`../../bootstrap/src/${name}`, import.meta.url), 'utf8');
const program = `${source('json.awk')}
BEGIN { root = json_load(); printf "%s", canonical(root) }`;

const reading = `${source('base.sh')}
for document in *.json; do
  if has_controls "$document" || ! "$@" <"$document" >"$document.out" 2>/dev/null; then : >"$document.out"; fi
done`;

const awks = ['mawk', 'gawk', 'busybox', 'original-awk'].filter((awk) => !lacks(awk));
const samples = [
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{"size":123,"digest":"sha256:00"}]}',
  String.raw`{ "b" : [ 1 , true , null , "x" ] , "a" : { "\u0041" : "\ud83d\ude00 \/ \" \\ \b\f\n\r\t\u001f\u007f" } }`,
  '[[],{},[{}],"","ünï","\u2028","😀",0,10]',
  '{"a":{"a":{"a":[[[[1]]]]}}}',
];
const odd = [
  '',
  ' ',
  '{',
  '}',
  '[',
  ']',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '[1,]',
  '[,1]',
  '"',
  '"\\',
  '"\\x"',
  '"\\u12"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\u0001"',
  '01',
  '-',
  '1.',
  '.5',
  '+1',
  'nul',
  'True',
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
  '{"__proto__":1}',
  "{'a':1}",
  '{"a":1}x',
  '\ufeff{}',
  '[1 2]',
  '{"a" 1}',
  '{1:2}',
  `${'['.repeat(65)}${']'.repeat(65)}`,
  `${'['.repeat(64)}${']'.repeat(64)}`,
  '// x\n{}',
  '[1]//',
  '"\\u0000"',
  'NaN',
  '[]\0',
  '[]\0x',
  '[\0,\n]',
  '[1.5]',
  '[-1]',
];

describe.each(awks)('the JSON of engineshed.sh in %s', (awk) => {
  it('is read as parseJson reads it, and written as canonicalJson does', () => {
    expect(results(awk, samples)).toEqual(samples.map(expected));
    expect(samples.map(expected)).not.toContain('');
    expect(results(awk, odd)).toEqual(odd.map(expected));
  });

  it('B12 whatever is done to it', { timeout: fuzzTimeout }, () => {
    const documents = fc.sample(
      mutated(samples, ['"', '\\u', '{', '}', '[', ']', ',', ':', '__proto__', '\\ud83d']),
      fuzzing(300),
    );
    expect(results(awk, documents)).toEqual(documents.map(expected));
  });

  it('is UTF-8 or nothing', () => {
    const bytes = [
      'c0af',
      'e08080',
      'eda080',
      'f08080af',
      'f4908080',
      'ff',
      '80',
      'c3',
      'e282',
      'c3a9',
      'e282ac',
      'f09f9880',
    ];
    const documents = bytes.map((hex) => Buffer.from(`22${hex}22`, 'hex'));
    expect(results(awk, documents)).toEqual(documents.map(expected));
  });
});

/** The canonical form of each document, or nothing where it is refused: by has_controls, which the script asks first, or by awk. */
function results(awk: string, documents: readonly (string | Buffer)[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'engineshed-json-'));
  try {
    documents.forEach((document, at) => {
      writeFileSync(join(directory, `${at}.json`), document);
    });
    const { status, stderr } = spawnSync('sh', ['-c', reading, 'sh', ...command(awk), program], {
      cwd: directory,
      env: { ...process.env, LC_ALL: 'C' },
      timeout: fuzzTimeout,
    });
    expect(status, stderr?.toString()).toBe(0);
    return documents.map((_, at) => readFileSync(join(directory, `${at}.json.out`), 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function command(awk: string): string[] {
  return awk === 'busybox' ? ['busybox', 'awk'] : [awk];
}

/** What it should give; numbers that are no whole ones, and a NUL, are not its business. */
function expected(document: string | Buffer): string {
  try {
    const value = parseJson(Buffer.from(document as string), 'test');
    const text = canonicalJson(value);
    return /\\u0000|\\ud[89a-f]/.test(text) || hasOddNumber(value) ? '' : text;
  } catch {
    return '';
  }
}

function hasOddNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return !Number.isInteger(value) || value < 0 || value > 999_999_999_999_999 || Object.is(value, -0);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasOddNumber);
}
