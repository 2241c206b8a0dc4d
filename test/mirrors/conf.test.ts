import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readRegistriesConf } from '../../src/mirrors/index.js';
import { temporaryDirectory } from '../support/temporary.js';

function machine() {
  const home = temporaryDirectory();
  const folder = `${home}/.config/containers`;
  mkdirSync(`${folder}/registries.conf.d`, { recursive: true });
  const warnings: string[] = [];
  return {
    home,
    folder,
    warnings,
    write: (name: string, text: string) => writeFileSync(`${folder}/${name}`, text),
    read: (environment: Record<string, string> = {}) =>
      readRegistriesConf({ environment, home, directory: home, warn: (message) => warnings.push(message) }),
  };
}

describe("the machine's registries.conf", () => {
  it('is read with its drop-ins, in the order of their names; what is for short names is no concern', () => {
    const { folder, write, read, warnings } = machine();
    write(
      'registries.conf',
      'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "enforcing"\ncredential-helpers = ["x"]\n[[registry]]\nprefix = "a.io"\nlocation = "m.io"\nsomething-new = 1\n[aliases]\n"x" = "docker.io/library/x"\n',
    );
    write('registries.conf.d/20.conf', '[[registry]]\nlocation = "b.io"\nblocked = true\n');
    write(
      'registries.conf.d/10.conf',
      '[[registry]]\nlocation = "b.io"\n[[registry]]\nprefix = "a.io"\nlocation = "n.io"\n',
    );
    write('registries.conf.d/30.toml', 'not TOML');
    expect(read()).toMatchObject([
      { prefix: 'a.io', location: 'n.io', origin: `${folder}/registries.conf.d/10.conf` },
      { prefix: 'b.io', blocked: true, origin: `${folder}/registries.conf.d/20.conf` },
    ]);
    expect(warnings).toEqual([]);
  });

  it('is the file that CONTAINERS_REGISTRIES_CONF names, alone', () => {
    const { home, write, read } = machine();
    write('registries.conf', '[[registry]]\nlocation = "a.io"\n');
    write('registries.conf.d/10.conf', '[[registry]]\nlocation = "b.io"\n');
    writeFileSync(`${home}/own.conf`, '[[registry]]\nlocation = "c.io"\n');
    for (const named of [`${home}/own.conf`, 'own.conf'])
      expect(read({ CONTAINERS_REGISTRIES_CONF: named })).toMatchObject([{ prefix: 'c.io' }]);
    expect(read({ CONTAINERS_REGISTRIES_CONF: '/dev/null' })).toEqual([]);
    expect(() => read({ CONTAINERS_REGISTRIES_CONF: 'missing.conf' })).toThrow(
      expect.objectContaining({ code: 'PATH_NOT_FOUND' }),
    );
  });

  it('of version 1 is left out with a warning', () => {
    const { write, read, warnings } = machine();
    write('registries.conf', '[registries.insecure]\nregistries = ["a.io"]\n');
    expect(read()).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/registries\.conf has the old format \(version 1\)/)]);
  });

  it('may say what references cannot name: that is left out with a warning, unless it blocks', () => {
    const { write, read, warnings } = machine();
    write(
      'registries.conf',
      '[[registry]]\nprefix = "a.io"\nlocation = "cache"\n[[registry]]\nprefix = "b.io/x:1"\nlocation = "b.io"\n[[registry]]\nlocation = "c.io"\n',
    );
    expect(read()).toMatchObject([{ prefix: 'c.io' }]);
    expect(warnings).toEqual([
      expect.stringMatching(/registry\.0\.location: .*left out/),
      expect.stringMatching(/registry\.1\.prefix: .*left out/),
    ]);
    write('registries.conf', '[[registry]]\nlocation = "b.io/x:1"\nblocked = true\n');
    expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each([
    ['no TOML', '[[registry]\n', /registries\.conf:1:/],
    ['a wrong type', '[[registry]]\nlocation = "a.io"\ninsecure = "yes"\n', /registry\.0\.insecure: /],
    ['no tables', 'registry = "a.io"\n', /registry: /],
    [
      'a mirror that is no table',
      '[[registry]]\nlocation = "a.io"\nmirror = ["b.io"]\n',
      /registry\.0\.mirror\.0: /,
    ],
    [
      'an unknown use of a mirror',
      '[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "b.io"\npull-from-mirror = "x"\n',
      /pull-from-mirror: /,
    ],
    ['a huge file', '#'.repeat(1024 * 1024 + 1), /1048576 bytes/],
    ['a deep one', `x = ${'['.repeat(1000)}${']'.repeat(1000)}\n`, /registries\.conf:1:/],
    ['a key that is none', '[__proto__]\nx = 1\n', /registries\.conf:1:/],
  ])('D03 with %s is refused', (_what, text, message) => {
    const { write, read } = machine();
    write('registries.conf', text);
    expect(read).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(message),
        hint: expect.stringContaining('CONTAINERS_REGISTRIES_CONF'),
      }),
    );
  });
});
