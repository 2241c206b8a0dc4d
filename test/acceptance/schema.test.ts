import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../src/catalog/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const schema = JSON.parse(readFileSync(`${root}/schema/engineshed.schema.json`, 'utf8'));
const validate = new Ajv({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
const isValid = (text: string) => validate(JSON.parse(JSON.stringify(parse(text))));
const isRead = (text: string) => {
  try {
    parseCatalog(text, { name: 'engineshed.toml', baseDirectory: '/project' });
    return true;
  } catch {
    return false;
  }
};

/** Every TOML file of the repository, and every one that the documents show. */
function written(): [name: string, text: string][] {
  const files = ['catalog', 'examples/hello'].flatMap((directory) =>
    readdirSync(`${root}/${directory}`)
      .filter((name) => name.endsWith('.toml'))
      .map((name) => `${directory}/${name}`),
  );
  const documents = ['docs/guide.md', 'docs/configuration.md'].flatMap((name): [string, string][] => {
    const blocks = readFileSync(`${root}/${name}`, 'utf8').matchAll(/^```toml\n([\s\S]*?)^```/gm);
    return [...blocks].map(([, text = ''], at) => [`${name}, block ${at + 1}`, text]);
  });
  return [
    ...files.map((name): [string, string] => [name, readFileSync(`${root}/${name}`, 'utf8')]),
    ...documents,
  ];
}

describe('the schema of engineshed.toml', () => {
  it('is what the program reads', () => {
    execFileSync(process.execPath, [`${root}/scripts/schema.mjs`, '--check'], { stdio: 'pipe' });
  });

  it('takes every file that is here', () => {
    const all = written();
    expect(all.length).toBeGreaterThan(4);
    // Documents show pieces, and files that are not for this program.
    for (const [name, text] of all.filter(([, text]) => isRead(text)))
      expect([name, isValid(text), validate.errors]).toEqual([name, true, null]);
    for (const name of ['catalog/hamlet.toml', 'examples/hello/engineshed.toml'])
      expect(isRead(readFileSync(`${root}/${name}`, 'utf8'))).toBe(true);
  });

  it.each([
    'engine = "train"\n[overrides]\nengine.tag = "x"\ncore = { tag = "x", digest = "sha256:1" }',
    '[engines.a]\nextends = "train"\nparts = "components"\nenvironment.A = "a"',
    '[engines.a.sources]\nx.directory = "."\n[engines.a.environment]\nB = { part = "x", path = { linux = "a" } }',
  ])('takes %j', (text) => {
    expect([isValid(text), validate.errors]).toEqual([true, null]);
  });

  it.each([
    'engin = "train"',
    'engine = 1',
    'overrides = "x"',
    '[overrides]\nx.tga = "y"',
    '[overrides]\nx = "y"',
    '[engines.a]\nsources = "x"',
    '[engines.a]\nextends = ""',
    '[engines.a]\nkind = "other"',
    '[engines.a.sources]\nx = { image = "a/b:c", directory = "." }',
    '[engines.a.sources]\nx = {}',
    '[engines.a.parts]\nx.path = "."',
    '[environments.a]\nX = { part = "a", parts = ["b"] }',
    '[environments.a]\nX = 1',
    'registry = "ghcr.io"',
    '[[registry]]\ninsecure = "yes"',
  ])('refuses %j, as the program does', (text) => {
    expect([isValid(text), isRead(text)]).toEqual([false, false]);
  });
});
