import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  builtinCatalog,
  type Catalogs,
  definitionForReference,
  findEngine,
  listEngines,
  loadCatalogs,
  matchTags,
  mergeCatalogs,
  parseCatalog,
  readCatalog,
} from '../../src/catalog/index.js';
import { type EngineDefinition, engineEnvironment, parseEngineName } from '../../src/engine/index.js';
import { nearest } from '../../src/errors/nearest.js';
import { formatReference, parseReference } from '../../src/oci/index.js';

const digest = `sha256:${'a'.repeat(64)}`;
let hamlet: Catalogs;
let folder: string;
beforeAll(async () => {
  hamlet = await loadCatalogs([]);
  folder = mkdtempSync(join(tmpdir(), 'engineshed-catalog-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string, name = 'engineshed.toml') =>
  parseCatalog(text, { name, baseDirectory: '/project' });
const images = ({ sources }: EngineDefinition) =>
  Object.values(sources).map((source) =>
    source.kind === 'directory' ? source.path : formatReference(source.reference),
  );
const environment = (engine: EngineDefinition, platform = 'linux') =>
  engineEnvironment(engine, (part) => `/${part.source}${part.path === '.' ? '' : `/${part.path}`}`, platform);

describe('the hamlet catalog', () => {
  it('lists its engines and families', () => {
    const { engines, families } = listEngines(hamlet);
    expect(engines.map(({ name, kind }) => [name, kind])).toEqual([
      ['unicycle', 'channel'],
      ['tram', 'channel'],
      ['train', 'channel'],
    ]);
    expect(
      families.map(({ pattern, kind, tagPattern, repository }) => [
        pattern,
        kind,
        tagPattern,
        formatReference(repository),
      ]),
    ).toEqual([
      ['tram-{date}', 'dated', 'schedule-{date}', 'ghcr.io/hamlet-io/hamlet-engine-base'],
      ['{version}', 'version', '{version}', 'ghcr.io/hamlet-io/hamlet-engine-base'],
    ]);
    expect(hamlet.defaultEngine).toBe('train');
  });

  it.each([
    ['tram', 'nightly', 'channel'],
    ['tram-20240229', 'schedule-20240229', 'dated'],
    ['train', 'latest', 'channel'],
    ['9.1.0', '9.1.0', 'version'],
  ])('%s follows %s of the consolidated image', (name, tag, kind) => {
    const engine = findEngine(hamlet, name);
    expect(images(engine)).toEqual([`ghcr.io/hamlet-io/hamlet-engine-base:${tag}`]);
    expect(engine).toMatchObject({ name, kind, catalog: 'hamlet' });
    expect(engine.parts.map((part) => part.type)).toContain('bundled-engine-wrapper');
  });

  it('unicycle follows edge of each component', () => {
    expect(images(findEngine(hamlet, 'unicycle'))).toEqual(
      ['engine', 'executor-bash', 'engine-plugin-aws', 'engine-plugin-azure', 'engine-core'].map(
        (name) => `ghcr.io/hamlet-io/${name}:edge`,
      ),
    );
  });

  it('gives the bash executor what it reads', () => {
    expect(environment(findEngine(hamlet, 'unicycle'))).toEqual({
      set: {
        GENERATION_ENGINE_DIR: '/engine',
        GENERATION_PLUGIN_DIRS: '/engine-plugin-aws;/engine-plugin-azure',
        GENERATION_WRAPPER_LOCAL_JAVA: 'false',
        GENERATION_WRAPPER_SCRIPT_FILE: '/engine-core/image/freemarker-wrapper-Linux/bin/freemarker-wrapper',
        GENERATION_BASE_DIR: '/executor-bash',
        GENERATION_DIR: '/executor-bash/cli',
        AUTOMATION_BASE_DIR: '/executor-bash/automation',
        AUTOMATION_DIR: '/executor-bash/automation/jenkins/aws',
      },
      unset: ['GENERATION_WRAPPER_JAR_FILE'],
    });
    const base = '/hamlet-engine-base';
    expect(environment(findEngine(hamlet, '8.4.9'))).toEqual({
      set: {
        GENERATION_ENGINE_DIR: `${base}/engine`,
        GENERATION_PLUGIN_DIRS: `${base}/engine-plugin-aws;${base}/engine-plugin-azure`,
        GENERATION_WRAPPER_LOCAL_JAVA: 'true',
        GENERATION_WRAPPER_JAR_FILE: `${base}/engine-core/freemarker-wrapper.jar`,
        GENERATION_BASE_DIR: `${base}/executor-bash`,
        GENERATION_DIR: `${base}/executor-bash/cli`,
        AUTOMATION_BASE_DIR: `${base}/executor-bash/automation`,
        AUTOMATION_DIR: `${base}/executor-bash/automation/jenkins/aws`,
      },
      unset: ['GENERATION_WRAPPER_SCRIPT_FILE'],
    });
  });

  it.each([
    ['darwin', 'freemarker-wrapper-Darwin/bin/freemarker-wrapper'],
    ['win32', 'freemarker-wrapper-Windows/bin/freemarker-wrapper.bat'],
    ['aix', undefined],
  ])('has the wrapper for %s', (platform, path) => {
    const found = environment(findEngine(hamlet, '8.5.0'), platform).set.GENERATION_WRAPPER_SCRIPT_FILE;
    expect(found).toBe(path && `/hamlet-engine-base/engine-core/image/${path}`);
  });

  it('names only parts that one of its layouts has in its environment', async () => {
    const catalog = await builtinCatalog();
    const types = [...catalog.parts.values()].flat().map((part) => part.type);
    const named = [...catalog.environments.values()]
      .flat()
      .flatMap((rule) => (rule.kind === 'value' ? [] : rule.kind === 'parts' ? rule.parts : [rule.part]));
    expect(types).toEqual(expect.arrayContaining(named));
  });
});

describe('findEngine', () => {
  it.each([
    ['trian', 'Did you mean "train"?'],
    ['Train', 'Did you mean "train"?'],
    ['tram-20240230', '20240230 is no date'],
    ['tram-20230229', '20230229 is no date'],
    ['tram-2024010', 'Did you mean "tram-{date}"?'],
    ['trm-20240101', 'Did you mean "tram-20240101"?'],
    ['v9.1.0', 'Did you mean "9.1.0"?'],
    ['9.1', 'Did you mean "{version}"?'],
    ['something-else', 'There are: unicycle, tram, tram-{date}, train, {version}.'],
  ])('tells what %s may stand for', (name, hint) => {
    expect(() => findEngine(hamlet, name)).toThrow(
      expect.objectContaining({ code: 'ENGINE_UNKNOWN', hint: expect.stringContaining(hint) }),
    );
  });

  it.each([
    '9.1.0-rc1',
    '9.1.0-Linux',
    '09.1.0',
    '9.1.0.1',
    '9.1',
    '1.2.99999999999999999999',
    'tram-',
    'tram-00000101',
  ])('knows no engine %s', (name) => {
    expect(() => findEngine(hamlet, name)).toThrow(expect.objectContaining({ code: 'ENGINE_UNKNOWN' }));
  });

  it.each(['', '.', '..', 'a/b', '-a', '.a', 'a\nb', 'a b', 'x'.repeat(129), 'é'])(
    'D05 rejects the name %j',
    (name) => {
      const invalid = expect.objectContaining({ code: 'NAME_INVALID' });
      expect(() => parseEngineName(name)).toThrow(invalid);
      expect(() => findEngine(hamlet, name)).toThrow(invalid);
    },
  );

  it('D05 takes a name of 128 characters', () => {
    expect(parseEngineName('x'.repeat(128))).toHaveLength(128);
  });

  it('prefers the exact name to a family, and the later catalog', () => {
    const later = file(
      '[engines."9.1.0".sources]\nx.directory = "a"\n[engines."tram-{date}".sources]\nx.image = "h.io/x:{date}"\n[engines.train.sources]\nx.directory = "b"',
    );
    return builtinCatalog().then((builtin) => {
      const merged = mergeCatalogs([builtin, later]);
      expect(images(findEngine(merged, '9.1.0'))).toEqual(['/project/a']);
      expect(images(findEngine(merged, '9.1.1'))).toEqual(['ghcr.io/hamlet-io/hamlet-engine-base:9.1.1']);
      expect(images(findEngine(merged, 'tram-20240101'))).toEqual(['h.io/x:20240101']);
      expect(images(findEngine(merged, 'train'))).toEqual(['/project/b']);
      expect(images(findEngine(mergeCatalogs([later, builtin]), 'train'))).toEqual([
        'ghcr.io/hamlet-io/hamlet-engine-base:latest',
      ]);
    });
  });
});

describe('matchTags', () => {
  const tags = [
    'latest',
    'nightly',
    'sha-abc',
    'schedule-20240101',
    'schedule-20231231',
    'schedule-20240230',
    'schedule-20240101',
    '9.1.0',
    '9.10.0',
    '10.0.0',
    '9.9.0',
    '9.1.0-rc1',
    '9.1.0-Linux',
    'v9.1.0',
  ];
  it('finds dates and versions, newest first', () => {
    const [dated, versions] = listEngines(hamlet).families;
    expect(dated && matchTags(dated, tags)).toEqual(['tram-20240101', 'tram-20231231']);
    expect(versions && matchTags(versions, tags)).toEqual(['10.0.0', '9.10.0', '9.9.0', '9.1.0']);
  });
});

describe('mergeCatalogs', () => {
  it('looks a shared table up in its own catalog, then in those before', () => {
    const one = file(
      '[environments.e]\nA = "one"\n[engines.a]\nsources.x.directory = "."\nenvironment = "e"',
      'one',
    );
    const two = file(
      '[environments.e]\nA = "two"\n[engines.b]\nsources.x.directory = "."\nenvironment = "e"',
      'two',
    );
    const three = file('[engines.c]\nsources.x.directory = "."\nenvironment = "e"', 'three');
    const merged = mergeCatalogs([one, two, three]);
    expect(['a', 'b', 'c'].map((name) => environment(findEngine(merged, name)).set.A)).toEqual([
      'one',
      'two',
      'two',
    ]);
  });

  it('lets a project use the tables of the built-in catalog', async () => {
    const project = file(
      '[engines.mine]\nsources.engine.directory = "../engine"\nparts = { core-engine = { source = "engine" } }\nenvironment = "hamlet"',
    );
    const merged = mergeCatalogs([await builtinCatalog(), project]);
    expect(environment(findEngine(merged, 'mine')).set).toMatchObject({
      GENERATION_ENGINE_DIR: '/engine',
      GENERATION_WRAPPER_LOCAL_JAVA: 'true',
    });
  });

  it.each([
    [
      'an unknown environment',
      '[engines.a]\nsources.x.directory = "."\nenvironment = "hamlt"',
      ':3: engines.a.environment: there is no table [environments.hamlt]',
      'Did you mean "hamlet"?',
    ],
    [
      'unknown parts',
      '[engines.a]\nsources.x.directory = "."\nparts = "zzzzzz"',
      ':3: engines.a.parts: there is no table [parts.zzzzzz]',
      'There are: components, consolidated.',
    ],
    [
      'parts of sources that it lacks',
      '[engines.a]\nsources.x.directory = "."\nparts = "consolidated"',
      ':3: engines.a.parts: the part "core-engine" is in a source "hamlet-engine-base"',
      'Name a source',
    ],
    [
      'a default that is no engine',
      '\ndefault = "trian"',
      ':2: default: there is no engine "trian"',
      'Did you mean "train"?',
    ],
  ])('D03 rejects %s', async (_what, text, message, hint) => {
    const builtin = await builtinCatalog();
    expect(() => mergeCatalogs([builtin, file(text)])).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });

  it('takes the later default, which may be of a family', async () => {
    const merged = mergeCatalogs([await builtinCatalog(), file('default = "9.1.0"'), file('')]);
    expect(merged.defaultEngine).toBe('9.1.0');
  });

  it('takes the later of two registries with one prefix, whole', () => {
    const merged = mergeCatalogs([
      file(
        '[[registry]]\nlocation = "a:1"\ninsecure = true\n[[registry]]\nprefix = "b.io"\nlocation = "c.io"',
      ),
      file('[[registry]]\nlocation = "a:1"\nblocked = true'),
    ]);
    expect(merged.registries).toMatchObject([
      { prefix: 'a:1', insecure: false, blocked: true },
      { prefix: 'b.io', location: 'c.io' },
    ]);
  });
});

describe('another registry', () => {
  const acme = file(
    'images = "h.io/acme"\n[engines.a.sources]\none.image = "x:t"\ntwo.image = "h.io/acme/y/z:t"\nthree.image = "q.io/w/v:t"\nfour.layout = "l:t"',
  );
  it.each([
    ['m:5000', ['m:5000/acme/x:t', 'm:5000/acme/y/z:t', 'm:5000/w/v:t', 'oci:/project/l:t']],
    ['m:5000/p/q', ['m:5000/p/q/x:t', 'm:5000/p/q/y/z:t', 'm:5000/p/q/w/v:t', 'oci:/project/l:t']],
    ['m:5000/', ['m:5000/x:t', 'm:5000/y/z:t', 'm:5000/w/v:t', 'oci:/project/l:t']],
  ])('--registry %s', (registry, expected) => {
    expect(images(findEngine(mergeCatalogs([acme], { registry }), 'a'))).toEqual(expected);
  });

  it.each(['mirror', 'mirror/path', 'http://m.io', 'm.io/UPPER', 'm:99999', '', 'user@m.io'])(
    'D01 rejects %j',
    (registry) => {
      expect(() => mergeCatalogs([acme], { registry })).toThrow(
        expect.objectContaining({ code: 'REFERENCE_INVALID' }),
      );
    },
  );
});

describe('definitionForReference', () => {
  const define = (text: string, name?: string) => definitionForReference(hamlet, parseReference(text), name);
  it('knows the layout of an image that a catalog knows', () => {
    const old = define('ghcr.io/hamlet-io/hamlet-engine-base:8.1.0');
    expect(old.parts.map((part) => part.type)).toContain('engine-wrapper');
    expect(old).toMatchObject({ name: 'hamlet-io-hamlet-engine-base-8.1.0', kind: 'custom', catalog: 'REF' });
    for (const suffix of [':sha-1234567', `@${digest}`, ':nightly', ':schedule-20240101', '']) {
      const engine = define(`ghcr.io/hamlet-io/hamlet-engine-base${suffix}`);
      expect(engine.parts.map((part) => part.type)).toContain('bundled-engine-wrapper');
      expect(images(engine)).toEqual([`ghcr.io/hamlet-io/hamlet-engine-base${suffix}`]);
      expect(environment(engine).set.GENERATION_DIR).toBe('/hamlet-engine-base/executor-bash/cli');
    }
  });

  it('knows it under another registry too', async () => {
    const mirrored = await loadCatalogs([], { registry: '127.0.0.1:5000/mirror' });
    const engine = definitionForReference(
      mirrored,
      parseReference('127.0.0.1:5000/mirror/hamlet-engine-base:latest'),
    );
    expect(engine.parts).toHaveLength(5);
    expect(define('127.0.0.1:5000/mirror/hamlet-engine-base:latest').parts).toHaveLength(1);
  });

  it('makes one part of every other image', () => {
    expect(define('ghcr.io/hamlet-io/engine:edge', 'mine')).toMatchObject({
      name: 'mine',
      sources: { engine: { kind: 'image' } },
      parts: [{ type: 'engine', source: 'engine', path: '.' }],
      environment: [],
    });
    expect(define('oci:/some where/__images:v1')).toMatchObject({
      name: 'images-v1',
      sources: { images: { kind: 'layout', reference: { path: '/some where/__images' } } },
      parts: [{ type: 'images', source: 'images', path: '.' }],
    });
  });

  it.each([
    ['h.io/a/b', 'a-b-latest'],
    [`h.io/a/b@${digest}`, 'a-b-aaaaaaaaaaaa'],
    [`h.io/a/b:t@${digest}`, 'a-b-t'],
    ['h.io/a/b:_T', 'a-b-_T'],
    ['oci:/x/ü', '-latest'.slice(1)],
    [`h.io/${'a'.repeat(200)}:t`, `${'a'.repeat(115)}-`],
  ])('D05 derives a name from %s', (text, name) => {
    const derived = define(text).name;
    expect(derived).toContain(name);
    expect(parseEngineName(derived)).toBe(derived);
  });

  it('D05 rejects a wrong name', () => {
    expect(() => define('h.io/a', '../x')).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
  });
});

describe('loadCatalogs', () => {
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  it('reads files after the built-in catalog', async () => {
    const path = write('a.toml', 'default = "mine"\n[engines.mine.sources]\nx.directory = "sub"');
    const missing = join(folder, 'missing.toml');
    const catalogs = await loadCatalogs([
      { path: missing, ifMissing: 'skip', owner: 'user' },
      { path, ifMissing: 'fail', owner: 'user' },
    ]);
    expect(catalogs.defaultEngine).toBe('mine');
    expect(findEngine(catalogs, 'mine')).toMatchObject({
      catalog: path,
      sources: { x: { path: join(folder, 'sub') } },
    });
    await expect(loadCatalogs([{ path: missing, ifMissing: 'fail', owner: 'user' }])).rejects.toMatchObject({
      code: 'PATH_NOT_FOUND',
    });
  });

  it('D03 stops reading a huge file, and one without an end', async () => {
    const path = write('huge.toml', '#'.repeat(1024 * 1024 + 1));
    await expect(readCatalog(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('huge.toml'),
    });
    const cut = write('cut.toml', 'é'.repeat(600_000));
    await expect(readCatalog(cut)).rejects.toMatchObject({
      message: expect.stringContaining('1048576 bytes'),
    });
    await expect(readCatalog('/dev/zero')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('D03 rejects what is not UTF-8, and a directory', async () => {
    await expect(readCatalog(write('latin.toml', Buffer.from([0x61, 0xe9])))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await expect(readCatalog(folder)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});

describe('nearest', () => {
  it.each([
    ['abc', ['abd', 'xyz'], 'abd'],
    ['ab', ['ba'], 'ba'],
    ['engine', ['engines', 'enginesss'], 'engines'],
    ['a', ['xyz'], undefined],
    ['', ['abc'], undefined],
    ['kitten', ['sitting'], undefined],
  ])('of %s among %j', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });
});

describe("a project's catalog", () => {
  it.each([
    ['[[registry]]\nlocation = "ghcr.io"\ninsecure = true\n', 3],
    [
      '[[registry]]\nlocation = "a.io"\n[[registry]]\nlocation = "ghcr.io"\n[[registry.mirror]]\nlocation = "m.io"\ninsecure = true\n',
      7,
    ],
  ])('cannot decide that a registry is spoken to over plain http, a user can', async (text, line) => {
    const path = join(folder, 'project.toml');
    writeFileSync(path, text);
    await expect(loadCatalogs([{ path, ifMissing: 'fail', owner: 'project' }])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`project.toml:${line}`),
    });
    const { registries } = await loadCatalogs([{ path, ifMissing: 'fail', owner: 'user' }]);
    expect(JSON.stringify(registries)).toContain('"insecure":true');
  });

  it('may name a mirror, which leaves references as they are', async () => {
    const path = join(folder, 'mirror.toml');
    writeFileSync(path, '[[registry]]\nprefix = "ghcr.io/hamlet-io"\nlocation = "mirror.example/hamlet"\n');
    const catalogs = await loadCatalogs([{ path, ifMissing: 'fail', owner: 'project' }]);
    expect(catalogs.registries).toMatchObject([
      { prefix: 'ghcr.io/hamlet-io', location: 'mirror.example/hamlet', origin: path, ofProject: true },
    ]);
    const engine = findEngine(catalogs, '9.1.0');
    expect(images(engine)).toEqual(['ghcr.io/hamlet-io/hamlet-engine-base:9.1.0']);
  });
});
