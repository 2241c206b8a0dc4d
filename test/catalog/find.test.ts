import { describe, expect, it } from 'vitest';
import {
  builtinCatalog,
  definitionForReference,
  findEngine,
  listEngines,
  loadCatalogs,
  matchTags,
  mergeCatalogs,
} from '../../src/catalog/index.js';
import { parseEngineName } from '../../src/engine/index.js';
import { nearest } from '../../src/errors/nearest.js';
import { formatReference, parseReference } from '../../src/oci/index.js';
import { environment, file, hamlet, images } from './catalogs.js';

const digest = `sha256:${'a'.repeat(64)}`;

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
