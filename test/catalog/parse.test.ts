import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findEngine, mergeCatalogs, parseCatalog } from '../../src/catalog/index.js';
import { EngineshedError } from '../../src/errors/index.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';

const origin = { name: 'engineshed.toml', baseDirectory: '/project' };
const parse = (text: string) => parseCatalog(text, origin);
const define = (text: string, name: string) => findEngine(mergeCatalogs([parse(text)]), name);

function fault(run: () => unknown): EngineshedError {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineshedError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('D03 a wrong catalog is told with file, line, key and what would be right', () => {
  const cases: [what: string, text: string, message: string, hint?: string][] = [
    ['no TOML', '\nx = [', 'engineshed.toml:2:5: Invalid TOML document: unfinished array'],
    ['a key twice', 'default = "a"\ndefault = "b"', 'engineshed.toml:2:1: Invalid TOML'],
    ['deep nesting', `x = ${'['.repeat(5000)}`, 'engineshed.toml:1:'],
    ['deep tables', `[${'a.'.repeat(5000)}a]`, 'engineshed.toml: it is nested more than 32 deep'],
    [
      'an unknown table',
      '[engins.a]',
      ':1: engins: is not a key that is known here. Did you mean "engines"?',
    ],
    [
      'an unknown key far from all',
      'zzzzzzzzzz = 1979-05-27',
      ':1: zzzzzzzzzz: is not a key that is known here. The keys here are: default, images',
    ],
    [
      'an unknown key in an inline table',
      '[engines.a]\n\nsources.x = { imge = "a:b" }',
      ':3: engines.a.sources.x.imge: is not a key that is known here. Did you mean "image"?',
    ],
    [
      'an unknown key of a platform',
      '[engines.a.sources]\nx.directory = "."\n[engines.a.environment.A]\npart = "x"\npath.plan9 = "a"',
      ':5: engines.a.environment.A.path.plan9: is not a key that is known here. The keys here are: linux, darwin',
    ],
    ['a number for a text', 'default = 3', ':1: default: must be a name in quotes, not 3'],
    [
      'a key that is missing since it is written wrongly',
      '[trust.a]\nengines = ["x"]\nkyes = ["a.pub"]',
      ':3: trust.a.kyes: is not a key that is known here. Did you mean "keys"?',
    ],
    [
      'a missing key, and an unknown one in another table',
      '[trust.a]\nengines = ["x"]\n[trust.b]\nkyes = 1',
      ':1: trust.a: the key "keys" is missing',
    ],
    [
      'a text for a table with keys',
      '[release]\nengine = "x"\nimage = "h.io/x"\n[release.channels]\na = "b"',
      ':5: release.channels.a: must be a table, not a string. Its keys are: tag, versions',
    ],
    [
      'a number for a text or a table',
      '[engines.a]\nsources.x.directory = "."\nrequires.bash = 4',
      ':3: engines.a.requires.bash: must be a text in quotes or a table, not 4',
    ],
    ['a date for a text', 'images = 1979-05-27', ':1: images: must be a text in quotes, not a date'],
    ['a list for a table', '\nengines = []', ':2: engines: must be a table, not a list'],
    [
      'a text for a flag',
      '[[registry]]\nlocation = "x:1"\n[[registry]]\nlocation = "x:2"\nblocked = "yes"',
      ':5: registry.1.blocked: must be true or',
    ],
    [
      'a registry with a scheme',
      '[[registry]]\nprefix = "http://x"',
      ':2: registry.0.prefix: "http://x" names no image',
    ],
    ['a registry without a name', '[[registry]]\nblocked = true', ':1: registry.0: needs a prefix or'],
    [
      'a registry that is no list',
      '[registry]\nprefix = "a.io"',
      ':1: registry: must be tables: write [[reg',
    ],
    ['a text for a registry', 'registry = "a.io"', ':1: registry: must be tables'],
    [
      'a table of registries',
      '[registries."a.io"]\nx = 1',
      ':1: registries: is not a key that is known here',
    ],
    [
      'a mirror without a location',
      '[[registry]]\nprefix = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\n[[registry.mirror]]\ninsecure = true',
      ':5: registry.0.mirror.1: the key "location" is missing',
    ],
    [
      'a mirror with two rules',
      '[[registry]]\nprefix = "a.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "all"',
      ':6: registry.0.mirror.0.pull-from-mirror: cannot be set beside',
    ],
    [
      'a mirror of an unknown sort',
      '[[registry]]\nprefix = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "none"',
      ':5: registry.0.mirror.0.pull-from-mirror: must be "all"',
    ],
    ['no sources', '[engines.a]\ndescription = ""', ':1: engines.a: needs the key "sources", or "extends"'],
    [
      'an empty table of sources',
      '[engines.a.sources]',
      ':1: engines.a.sources: must have at least one source',
    ],
    [
      'two kinds of source',
      '[engines.a]\nsources.x = { image = "h.io/a:b", directory = "." }',
      ':2: engines.a.sources.x: must have exactly one of image, layout, directory',
    ],
    [
      'a wrong reference',
      '[engines.a]\nsources.x.image = "h.io/A"',
      ':2: engines.a.sources.x.image: "h.io/A" names no image',
    ],
    [
      'an image without a registry',
      '[engines.a]\nsources.x.image = "a:b"',
      ':2: engines.a.sources.x.image: "a:b" names no registry',
      'images = "host/path"',
    ],
    [
      'a layout posing as an image',
      'images = "h.io/x"\n[engines.a]\nsources.x.image = "oci:d:t"',
      ':3: engines.a.sources.x.image: is an image layout',
    ],
    ['a name of an object', '[engines.prototype]', ':1: engines.prototype: cannot be used as a name'],
    ['a name of an object, inside', '[engines.a.sources]\nconstructor.directory = "."', ':2:1: '],
    [
      'a bad engine name',
      '[engines."-a".sources]\nx.directory="."',
      ':1: engines.-a: cannot be an engine\'s name: it starts with "-"',
    ],
    [
      'a bad source name',
      '[engines.a.sources]\n"x y".directory="."',
      ':2: engines.a.sources."x y": cannot be a name',
    ],
    [
      'an unknown placeholder',
      '[engines."a-{dte}".sources]\nx.directory="."',
      ':1: engines."a-{dte}": cannot be an engine\'s name: {dte} is no placeholder',
    ],
    [
      'two placeholders',
      '[engines."{date}-{version}".sources]\nx.directory="."',
      'more than one placeholder',
    ],
    [
      'a family without a tag',
      '[engines."a-{date}".sources]\nx.directory = "."',
      ':1: engines."a-{date}": no source has {date} in its tag',
    ],
    [
      'a placeholder in a repository',
      '[engines."{date}".sources]\nx.image = "h.io/{date}:x"',
      ':2: engines.{date}'.replace('{date}', '"{date}"'),
    ],
    [
      'a placeholder in a digest',
      '[engines."{date}".sources]\nx.image = "h.io/a:x@{date}"',
      'may have a placeholder in the tag only',
    ],
    [
      'a placeholder that the name lacks',
      '[engines.a.sources]\nx.image = "h.io/a:{date}"',
      ':2: engines.a.sources.x.image: has another placeholder',
    ],
    [
      'a kind for a family',
      '[engines."{date}"]\nkind="channel"\nsources.x.image="h.io/a:{date}"',
      ':2: engines."{date}".kind: is not for a family',
    ],
    [
      'a part of no source',
      '[engines.a.sources]\ncore.directory = "."\n[engines.a.parts.p]\nsource = "croe"',
      ':4: engines.a.parts.p.source: the engine has no source "croe"',
      'Did you mean "core"?',
    ],
    [
      'a wrong range',
      '[parts.a.b]\nsource="x"\nversions="banana"',
      ':3: parts.a.b.versions: "banana" is not a range',
    ],
    [
      'a wrong variable name',
      '[environments.a]\n"1A" = "x"',
      ':2: environments.a.1A: cannot name an environment variable',
    ],
    ['a NUL in a value', '[environments.a]\nA = "\\u0000"', ':2: environments.a.A: must not have a NUL'],
    [
      'a list without its separator',
      '[environments.a]\nA = { parts = ["x"] }',
      'needs both "parts" and "separator"',
    ],
    [
      'a choice without one side',
      '[environments.a]\nA = { has-part = "x", yes = "1" }',
      'needs all of "has-part", "yes" and "no"',
    ],
    [
      'a path without a part',
      '[environments.a]\nA = { value = "x", path = "y" }',
      'has "path" without "part"',
    ],
  ];
  it.each(cases)('D03 %s', (_what, text, message, hint) => {
    const error = fault(() => parse(text));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/^engineshed\.toml/);
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(500);
    if (hint !== undefined) expect(error.hint).toContain(hint);
  });

  it.each(['../x', 'a/../b', '/a', 'a\\\\b', 'C:/a', 'a\\u0000b'])('D03 the path %s of a part', (path) => {
    const error = fault(() => parse(`[parts.a.b]\nsource = "x"\npath = "${path}"`));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(':3: parts.a.b.path: must ');
  });

  it('D03 a catalog of more than 1 MiB', () => {
    expect(fault(() => parse(`# ${'x'.repeat(1024 * 1024)}`)).message).toMatch(
      /^engineshed\.toml: .*1048576 bytes/,
    );
    expect(parse(`# ${'x'.repeat(1024 * 1024 - 10)}`).engines.size).toBe(0);
  });

  it('D03 any text and any change of a good catalog is parsed or told as CONFIG_INVALID', {
    timeout: fuzzTimeout,
  }, () => {
    const good =
      '[engines.a]\nsources.x = { image = "h.io/a:b" }\n[engines.a.environment]\nA = { part = "x", path = "y" }\n';
    const mangled = fc
      .tuple(fc.nat(good.length), fc.nat(6), fc.string({ unit: fc.constantFrom(...'[]{}".=,\n a#\'0\\u') }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), mangled), (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toMatchObject({ name: 'EngineshedError', code: 'CONFIG_INVALID' });
        }
      }),
      fuzzing(3000),
    );
  });
});

describe('the line of a key', () => {
  it('is right after multi-line strings, dotted and quoted keys', () => {
    const text = ['default = """', '[engines.a]', 'sources.x.directory = 1', '"""'].join('\n');
    expect(fault(() => parse(text)).message).toContain(':1: default');
    const quoted = '[ engines . \'a\' . sources ]\n  x . "image" = 1';
    expect(fault(() => parse(quoted)).message).toContain(':2: engines.a.sources.x.image: must be a text');
  });
});

describe('a catalog', () => {
  it('makes each source a part where there is no table of parts', () => {
    const engine = define('[engines.a.sources]\none.directory = "x"\ntwo.layout = "../images:v1"', 'a');
    expect(engine).toEqual({
      name: 'a',
      description: '',
      kind: 'custom',
      catalog: 'engineshed.toml',
      sources: {
        one: { kind: 'directory', path: '/project/x' },
        two: { kind: 'layout', reference: { transport: 'oci', path: '/images', tag: 'v1' } },
      },
      parts: [
        { type: 'one', source: 'one', path: '.' },
        { type: 'two', source: 'two', path: '.' },
      ],
      environment: [],
    });
  });

  it('reads images below its registry, and those that name a host', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { sources } = define(
      `images = "localhost:5000/acme"\n[engines.a.sources]\none.image = "x/y:t"\ntwo.image = "quay.io/z@${digest}"\nthree.image = "w"`,
      'a',
    );
    expect(sources).toEqual({
      one: {
        kind: 'image',
        reference: { transport: 'registry', registry: 'localhost:5000', repository: 'acme/x/y', tag: 't' },
      },
      two: {
        kind: 'image',
        reference: { transport: 'registry', registry: 'quay.io', repository: 'z', digest },
      },
      three: {
        kind: 'image',
        reference: { transport: 'registry', registry: 'localhost:5000', repository: 'acme/w' },
      },
    });
  });

  it('reads every rule of an environment', () => {
    const { environment } = define(
      [
        '[engines.a.sources]\nx.directory = "."\n[engines.a.environment]',
        'FIXED = "line\\nline"',
        'ALSO = { value = "" }',
        'DIR = { part = "x" }',
        'FILE = { part = "x", path = "./a//b/" }',
        'BY = { part = "x", path = { linux = "l", win32 = "w" } }',
        'LIST = { parts = ["x", "y"], separator = ":" }',
        'HAS = { has-part = "y", yes = "1", no = "" }',
      ].join('\n'),
      'a',
    );
    expect(environment).toEqual([
      { name: 'FIXED', kind: 'value', value: 'line\nline' },
      { name: 'ALSO', kind: 'value', value: '' },
      { name: 'DIR', kind: 'part', part: 'x', path: undefined },
      { name: 'FILE', kind: 'part', part: 'x', path: 'a/b' },
      { name: 'BY', kind: 'part', part: 'x', path: { linux: 'l', win32: 'w' } },
      { name: 'LIST', kind: 'parts', parts: ['x', 'y'], separator: ':' },
      { name: 'HAS', kind: 'has-part', part: 'y', yes: '1', no: '' },
    ]);
  });

  it('keeps names that objects inherit', () => {
    const engine = define('[engines.toString.sources]\nvalueOf.directory = "."', 'toString');
    expect(Object.keys(engine.sources)).toEqual(['valueOf']);
    expect(
      fault(() => parse('[engines.a.sources]\nx.directory="."\n[engines.a.parts.p]\nsource="toString"'))
        .message,
    ).toContain('the engine has no source "toString"');
  });
});
