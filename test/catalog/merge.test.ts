import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  builtinCatalog,
  findEngine,
  loadCatalogs,
  mergeCatalogs,
  readCatalog,
} from '../../src/catalog/index.js';
import { environment, file, images } from './catalogs.js';

const folder = mkdtempSync(join(tmpdir(), 'engineshed-catalog-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
