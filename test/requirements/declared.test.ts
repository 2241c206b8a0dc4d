import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  findEngine,
  loadCatalogs,
  mergeCatalogs,
  parseCatalog,
  readComponent,
} from '../../src/catalog/index.js';
import { formatRequirements, parseRequirements } from '../../src/requirements/index.js';
import { temporaryDirectory } from '../support/temporary.js';

const engine = (text: string) =>
  findEngine(
    mergeCatalogs([
      parseCatalog(`[engines.mine]\nsources.a.directory = "a"\n${text}`, {
        name: 'f.toml',
        baseDirectory: '/p',
      }),
    ]),
    'mine',
  );

async function component(text: string) {
  const directory = temporaryDirectory();
  mkdirSync(`${directory}/.engineshed`);
  writeFileSync(`${directory}/.engineshed/component.toml`, text);
  return readComponent(directory);
}

describe('the requirements of an engine', () => {
  it('are those of hamlet by its install guide, java only where the engine has no wrapper with its own', async () => {
    const hamlet = await loadCatalogs([]);
    const names = (name: string) =>
      findEngine(hamlet, name).requires?.map(({ name, version }) => `${name} ${version}`);
    expect(names('train')).toEqual(['bash >=4', 'jq >=1.6']);
    expect(names('unicycle')).toEqual(['bash >=4', 'jq >=1.6']);
    expect(names('8.4.0')).toEqual(['bash >=4', 'jq >=1.6', 'java >=8']);
  });

  it('are a range, or a table; shared ones have a name', () => {
    const read = engine(
      [
        'requires.bash = ">=4"',
        'requires.jq = "*"',
        'requires.terraform = { version = ">=1.5", version-command = ["terraform", "version"], packages.apt = "tf", hint = "h" }',
        'requires.licence = { check = "./bin//licence", part = "a" }',
      ].join('\n'),
    );
    expect(read.requires).toEqual([
      { name: 'bash', version: '>=4' },
      { name: 'jq' },
      {
        name: 'terraform',
        version: '>=1.5',
        versionCommand: ['terraform', 'version'],
        packages: { apt: 'tf' },
        hint: 'h',
      },
      { name: 'licence', check: 'bin/licence', part: 'a' },
    ]);
    expect(engine('requires = "common"\n[requirements.common]\ngit = ">=2"').requires).toEqual([
      { name: 'git', version: '>=2' },
    ]);
    expect(engine('').requires).toBeUndefined();
  });

  it.each([
    ['requires.bash = 4', /requires\.bash: must be a text in quotes or a table, not 4/],
    ['requires.bash = "four"', /f\.toml:3: engines\.mine\.requires\.bash: "four" is not a range/],
    ['requires.terraform = ">=1"', /how "terraform" tells its version is not known/],
    ['requires.x = { check = "bin/x" }', /is a path in a part/],
    ['requires.x = { check = "../x", part = "a" }', /must not have "\.\."/],
    [
      'requires.x = { check = "x", part = "a", version = ">=1" }',
      /is not for a requirement that has a check/,
    ],
    ['requires.x = { packages.apt = "x; rm -rf /" }', /cannot be the name of a package/],
    ['requires.x = { version-command = ["../../x"] }', /name of a program/],
    ['requires."a b" = "*"', /cannot be required/],
    ['requires = "nothing"', /there is no table \[requirements\.nothing\]/],
    ['requires.bash = { versions = ">=4" }', /Did you mean "version"\?|versions/],
  ])('D03 are refused where they are wrong: %s', (text, message) => {
    expect(() => engine(text)).toThrow(message);
  });
});

describe('the requirements of a component', () => {
  it('are in a file of its own', async () => {
    expect(await component('[requires]\nbash = ">=4"\nx = { check = "bin/x" }\n')).toEqual({
      requires: [
        { name: 'bash', version: '>=4' },
        { name: 'x', check: 'bin/x' },
      ],
    });
    expect(await readComponent(temporaryDirectory())).toEqual({ requires: [] });
  });

  it.each([
    ['[require]\nbash = ">=4"\n', /component\.toml:1: require: is not a key.*/],
    ['[requires]\nx = { check = "x", part = "p" }\n', /a component has no parts/],
    ['[requires\n', /component\.toml:1/],
  ])('D03 are refused where the file is wrong: %j', async (text, message) => {
    await expect(component(text)).rejects.toThrow(message);
  });

  it('are read back as they were written, and not at all where the annotation is malformed', () => {
    const requirements = [
      { name: 'bash', version: '>=4' },
      { name: 'x', check: 'bin/x', hint: 'h', packages: { apt: 'x' }, versionCommand: ['x', '-V'] },
    ];
    expect(parseRequirements(formatRequirements(requirements))).toEqual(requirements);
    expect(parseRequirements('[{"name":"bash","future":true}]')).toEqual([{ name: 'bash' }]);
    for (const text of [
      '',
      '{}',
      '[{}]',
      '[{"name":"../bash"}]',
      '[{"name":"-rf"}]',
      '[{"name":"a","version":"new"}]',
      '[{"name":"a","check":"/etc/passwd"}]',
      '[{"name":"a","check":"../../a"}]',
      '[{"name":"a","packages":{"apt":"a && reboot"}}]',
      '[{"name":"a","versionCommand":["/bin/sh","-c","x"]}]',
      '[{"name":"a","versionCommand":[]}]',
      '[{"name":"a","hint":"a\\nb"}]',
      `[${'{"name":"a"},'.repeat(100)}{"name":"a"}]`,
      `[{"name":"a"${' '.repeat(70_000)}}]`,
    ]) {
      expect([text, parseRequirements(text)]).toEqual([text, undefined]);
    }
  });
});
