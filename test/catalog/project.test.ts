import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  builtinCatalog,
  type Catalog,
  findEngine,
  loadCatalogs,
  mergeCatalogs,
  parseCatalog,
  pinnedEngine,
} from '../../src/catalog/index.js';
import type { EngineDefinition } from '../../src/engine/index.js';
import { formatReference } from '../../src/oci/index.js';

const digest = `sha256:${'a'.repeat(64)}`;
let hamlet: Catalog;
let folder: string;
beforeAll(async () => {
  hamlet = await builtinCatalog();
  folder = mkdtempSync(join(tmpdir(), 'engineshed-project-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string, name = 'engineshed.toml') =>
  parseCatalog(text, { name, baseDirectory: '/project' });
const merge = (text: string, registry?: string) => mergeCatalogs([hamlet, file(text)], { registry });
const pinned = (text: string, registry?: string) => pinnedEngine(merge(text, registry));
const define = (text: string, name: string) => findEngine(merge(text), name);
const sources = (engine: EngineDefinition) =>
  Object.entries(engine.sources).map(([name, source]) =>
    source.kind === 'directory' ? `${name} ${source.path}` : `${name} ${formatReference(source.reference)}`,
  );
const sourceOf = ({ parts }: EngineDefinition, type: string) => {
  const part = parts.find((known) => known.type === type);
  return part && `${part.source}/${part.path}`;
};
const fault = (message: string, hint?: string) =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
    ...(hint === undefined ? {} : { hint: expect.stringContaining(hint) }),
  });

describe('the pin of a project', () => {
  it('is an engine of the catalogs', () => {
    expect(pinned('engine = "train"').name).toBe('train');
    expect(pinned('engine = "9.1.0"').kind).toBe('version');
    expect(pinned('engine = "mine"\n[engines.mine]\nsources.a = { directory = "a" }').catalog).toBe(
      'engineshed.toml',
    );
  });

  it('has overrides: a tag, a digest, an image, a layout, a directory', () => {
    const engine = pinned(`engine = "train"
images = "quay.io/me"
[overrides]
engine = { tag = "feature-x" }
engine-core = { digest = "${digest}" }
executor-bash = { image = "bash:dev" }
engine-plugin-azure = { layout = "../azure:x" }
engine-plugin-aws = { directory = "../aws" }
`);
    expect(sources(engine)).toEqual([
      'hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:latest',
      'engine ghcr.io/hamlet-io/engine:feature-x',
      `engine-core ghcr.io/hamlet-io/engine-core@${digest}`,
      'executor-bash quay.io/me/bash:dev',
      'engine-plugin-azure oci:/azure:x',
      'engine-plugin-aws /aws',
    ]);
    expect(sourceOf(engine, 'bundled-engine-wrapper')).toBe('engine-core/image');
  });

  it('takes overrides from another registry too', () => {
    const engine = pinned('engine = "train"\n[overrides]\nengine = { tag = "x" }', 'localhost:5000/mirror');
    expect(sources(engine)[1]).toBe('engine localhost:5000/mirror/engine:x');
    const own = pinned('engine = "train"\n[overrides]\nengine.image = "quay.io/me/e:x"', 'localhost:5000');
    expect(sources(own)[1]).toBe('engine localhost:5000/me/e:x');
  });

  it.each<[string, string, string?]>([
    ['engine = "tarin"', ':1: engine: There is no engine "tarin"', 'Did you mean "train"?'],
    [
      '\nengine = "train"\n\n[overrides]\nengine-plugin-asw.tag = "x"',
      ':5: overrides.engine-plugin-asw: The engine train has no source',
      'Did you mean "engine-plugin-aws"?',
    ],
    [
      'engine = "a"\n[engines.a]\nsources.x.directory = "x"\n[overrides]\nx.tag = "y"',
      ':5: overrides.x: The source "x" is the directory /project/x',
    ],
  ])(
    'D03 tells what is wrong only with other catalogs in view: %j',
    (text: string, message: string, hint?: string) => {
      expect(() => pinned(text)).toThrow(fault(message, hint));
    },
  );

  it.each([
    ['[overrides]\nx.tag = "y"', ':1: overrides: has no engine to belong to'],
    ['engine = "a/b"', ':1: engine: cannot be a name'],
    ['engine = 1', ':1: engine: must be a name in quotes'],
    ['engine = "a"\n[overrides]\nx = "y"', ':3: overrides.x: must be a table, not a string'],
    [
      'engine = "a"\n[overrides]\nx.tga = "y"',
      ':3: overrides.x.tga: is not a key that is known here. Did you mean "tag"?',
    ],
    ['engine = "a"\n[overrides]\nx = {}', ':3: overrides.x: must have exactly one of'],
    [
      'engine = "a"\n[overrides]\nx = { tag = "y", image = "a/b:c" }',
      ':3: overrides.x: must have exactly one of',
    ],
    ['engine = "a"\n[overrides]\nx.tag = "no tag"', ':3: overrides.x.tag: "no tag"'],
    ['engine = "a"\n[overrides]\nx.digest = "sha256:1"', ':3: overrides.x.digest:'],
    [
      'engine = "a"\n[overrides]\nx.image = "q.io/a:{version}"',
      ':3: overrides.x.image: has another placeholder',
    ],
    ['engine = "a"\n[overrides]\n"../x".tag = "y"', 'cannot be a name'],
  ])('D03 is checked key by key: %j', (text, message) => {
    expect(() => file(text)).toThrow(fault(message));
  });

  it('is no part of the file of a user', async () => {
    const path = join(folder, 'engineshed.toml');
    writeFileSync(path, 'engine = "train"\n');
    await expect(loadCatalogs([{ path, ifMissing: 'fail', owner: 'user' }])).rejects.toEqual(
      fault(':1: engine: is for the engineshed.toml of a project', 'default = "train"'),
    );
    const { pin } = await loadCatalogs([{ path, ifMissing: 'fail', owner: 'project' }]);
    expect(pin?.engine).toBe('train');
  });

  it('is missing where no file has one', () => {
    expect(() => pinned('default = "train"')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('an engine that extends another', () => {
  it('is that one but for what it says itself', () => {
    const train = define('', 'train');
    const mine = define('[engines.mine]\nextends = "train"', 'mine');
    expect(mine).toEqual({ ...train, name: 'mine', kind: 'custom', catalog: 'engineshed.toml' });
  });

  it('replaces sources, parts and variables one by one', () => {
    const engine = define(
      `[engines.mine]
extends = "unicycle"
description = "my own"
sources.engine = { image = "quay.io/me/engine:x" }
sources.extra = { directory = "extra" }
parts.extra-plugin = { source = "extra", path = "plugin" }
parts.core-engine = { source = "engine", path = "inside" }
environment.GENERATION_DIR = "elsewhere"
environment.MORE = "more"`,
      'mine',
    );
    expect(engine.description).toBe('my own');
    expect(sources(engine)).toEqual([
      'engine quay.io/me/engine:x',
      'executor-bash ghcr.io/hamlet-io/executor-bash:edge',
      'engine-plugin-aws ghcr.io/hamlet-io/engine-plugin-aws:edge',
      'engine-plugin-azure ghcr.io/hamlet-io/engine-plugin-azure:edge',
      'engine-core ghcr.io/hamlet-io/engine-core:edge',
      'extra /project/extra',
    ]);
    expect(engine.parts.map(({ type }) => type)).toEqual([
      'core-engine',
      'executor-bash',
      'engine-plugin-aws',
      'engine-plugin-azure',
      'bundled-engine-wrapper',
      'extra-plugin',
    ]);
    expect(sourceOf(engine, 'core-engine')).toBe('engine/inside');
    const { environment } = define('', 'unicycle');
    expect(engine.environment).toHaveLength(environment.length + 1);
    expect(engine.environment.at(-1)).toEqual({ name: 'MORE', kind: 'value', value: 'more' });
    expect(engine.environment.find(({ name }) => name === 'GENERATION_DIR')).toMatchObject({
      value: 'elsewhere',
    });
  });

  it('takes the parts of a component from a source of its name', () => {
    const engine = define(
      '[engines.mine]\nextends = "train"\nsources.engine-core.directory = "core"',
      'mine',
    );
    expect(sourceOf(engine, 'bundled-engine-wrapper')).toBe('engine-core/image');
    expect(engine.parts.map(({ type }) => type)).not.toContain('engine-core');
  });

  it('has a new source as one part where nothing is said of parts', () => {
    const engine = define('[engines.mine]\nextends = "train"\nsources.extra.directory = "extra"', 'mine');
    expect(sourceOf(engine, 'extra')).toBe('extra/.');
    expect(engine.parts).toHaveLength(6);
  });

  it('takes a shared table as a whole', () => {
    const engine = define(
      '[parts.two]\na.source = "hamlet-engine-base"\n[engines.mine]\nextends = "train"\nparts = "two"\nenvironment = "none"\n[environments.none]',
      'mine',
    );
    expect(engine.parts).toEqual([{ type: 'a', source: 'hamlet-engine-base', path: '.' }]);
    expect(engine.environment).toEqual([]);
  });

  it('extends a member of a family', () => {
    const engine = define('[engines.mine]\nextends = "8.4.0"', 'mine');
    expect(sources(engine)).toEqual(['hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:8.4.0']);
    expect(engine.parts.map(({ type }) => type)).toContain('engine-wrapper');
    expect(engine.parts.map(({ type }) => type)).not.toContain('bundled-engine-wrapper');
    const dated = define('[engines.mine]\nextends = "tram-20260102"', 'mine');
    expect(sources(dated)).toEqual([
      'hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:schedule-20260102',
    ]);
  });

  it('is a family that extends a family', () => {
    const text = '[engines."mine-{version}"]\nextends = "{version}"\nenvironment.MINE = "1"';
    const engine = define(text, 'mine-8.4.0');
    expect(sources(engine)).toEqual(['hamlet-engine-base ghcr.io/hamlet-io/hamlet-engine-base:8.4.0']);
    expect(engine.parts.map(({ type }) => type)).toContain('engine-wrapper');
    expect(define(text, 'mine-9.0.0').parts.map(({ type }) => type)).toContain('bundled-engine-wrapper');
  });

  it('may have the name of the one that it extends, which an earlier catalog has', () => {
    const engine = define('[engines.train]\nextends = "train"\nenvironment.MINE = "1"', 'train');
    expect(engine.catalog).toBe('engineshed.toml');
    expect(sources(engine)).toEqual(sources(define('', 'train')));
  });

  it('extends the nearest of that name, and chains', () => {
    const engine = define(
      `[engines.c]\nextends = "b"\nenvironment.C = "c"
[engines.b]\nextends = "train"\nenvironment.B = "b"\nenvironment.C = "b"
[engines.train]\nextends = "unicycle"\nenvironment.A = "a"`,
      'c',
    );
    expect(Object.keys(engine.sources)).toHaveLength(5);
    expect(engine.environment.slice(-3)).toMatchObject([
      { name: 'A', value: 'a' },
      { name: 'B', value: 'b' },
      { name: 'C', value: 'c' },
    ]);
  });

  it.each([
    [
      '[engines.a]\nextends = "tarin"',
      ':2: engines.a.extends: there is no engine "tarin"',
      'Did you mean "train"?',
    ],
    ['[engines.a]\nextends = "a"', ':2: engines.a.extends: there is no engine "a"'],
    [
      '[engines.a]\nextends = "b"\n[engines.b]\nextends = "c"\n[engines.c]\nextends = "a"',
      'leads in a circle: a -> b -> c -> a',
    ],
    ['[engines.a]\nextends = "{version}"', ':2: engines.a.extends: "{version}" is a family', 'Name one'],
    [
      '[engines."a-{date}"]\nextends = "{version}"',
      ':2: engines."a-{date}".extends: "{version}" is a family',
    ],
    [
      '[engines."a-{version}"]\nextends = "train"',
      ':1: engines."a-{version}": no source has {version} in its tag',
    ],
    [
      '[engines.a]\nextends = "train"\nparts.x.source = "y"',
      ':3: engines.a.parts: the part "x" is in a source "y"',
    ],
    [
      Array.from({ length: 40 }, (_, at) => `[engines.a${at}]\nextends = "a${at + 1}"`).join('\n'),
      'leads through more than 32 engines',
    ],
  ])('D03 is refused: %j', (text: string, message: string, hint?: string) => {
    expect(() => merge(text)).toThrow(fault(message, hint));
  });
});
