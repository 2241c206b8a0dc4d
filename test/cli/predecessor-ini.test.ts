import { describe, expect, it } from 'vitest';
import { readEngines } from '../../src/cli/predecessor/engines.js';
import { readIni } from '../../src/cli/predecessor/ini.js';
import { formatEngines } from '../../src/cli/predecessor/toml.js';
import { run } from '../acceptance/user.js';
import { peersMissing } from '../support/peers.js';

const samples = [
  '[a]\nx = 1\ny: 2\n  more\n\n  and more\nz =\n',
  '[DEFAULT]\nhost = h\n[a]\nurl = https://%(host)s/%%\n[b]\nhost = other\nurl = %(host)s\n',
  '; comment\n[a]\n# comment\nx = 1 ; part of it\n   # in between\n  goes on\ny = #x\n',
  '[a b: c]\nKey = = x\nother:=:y\n',
  '[a]\r\nx = 1\r\n\r\n[b]\r\nx=2',
  '[a]\n  x = 1\n  y = 2\n    z = 3\n',
];
const malformed = [
  'x = 1\n',
  '[a]\nx\n',
  '[a]\n[a]\n',
  '[a]\nx=1\nx=2\n',
  '[a]\nx = %(y)s\n',
  '[a]\nx = 5%\n',
  '[a]\nx = %(x)s\n',
];

describe('the ini files of the predecessor', () => {
  it.skipIf(peersMissing('python3'))('are read as Python reads them', async () => {
    const program = `
import configparser, json, sys
out = []
for text in json.load(sys.stdin):
    parser = configparser.ConfigParser()
    parser.optionxform = str
    try:
        parser.read_string(text)
        out.append({name: dict(parser[name]) for name in parser.sections()})
    except configparser.Error:
        out.append(None)
print(json.dumps(out))`;
    const texts = [...samples, ...malformed];
    const { stdout } = await run('python3', ['-c', program], { input: JSON.stringify(texts) });
    const theirs = JSON.parse(stdout);
    expect(theirs.filter((value: unknown) => value === null)).toHaveLength(malformed.length);
    expect(texts.map(read)).toEqual(theirs);
  });

  it('D03 are refused with the file and the line, or the section', () => {
    const refusal = (text: string) => {
      try {
        readEngines(readIni([{ name: 'engine.ini', text }]), (path) => `/home/ada/${path}`);
      } catch (error) {
        return (error as Error).message;
      }
      return 'taken';
    };
    expect(refusal('[a]\nx = 1\nnonsense\n')).toContain('engine.ini:3: "nonsense"');
    expect(refusal('[engine:e]\nsources = s\n')).toContain(
      '[engine:e]: there is no section [engine_source:s]',
    );
    expect(refusal('[engine:e]\nsources = s\n[engine_source:s]\ntype = git\n')).toContain(
      'there are local_dir and container',
    );
    const source =
      '[engine_source:s]\ntype = container\ncontainer_registry_url = https://h.example\ncontainer_repository = r\n';
    expect(refusal(`[engine:e]\nsources = s\n${source}`)).toContain('container_tag is missing');
    expect(refusal(`[engine:e]\nparts = p\n[engine_part:p]\ntype = engine\nsource_name = s\n`)).toContain(
      'does not list',
    );
    expect(
      refusal(`[engine:e]\nparts = p\n[engine_part:p]\ntype = core-engine\nsource_name = s\n`),
    ).toContain('bundled-wrapper');
  });

  it('become tables of a catalog', () => {
    const text = [
      '[engine:my.engine]\nsources = a b\nparts = p q\ndescription = say "hi"',
      '[engine_source:a]\ntype = container\ncontainer_registry_url = https://ghcr.io/\ncontainer_repository = hamlet-io/engine',
      `container_tag = sha256:${'0'.repeat(64)}`,
      '[engine_source:b]\ntype = local_dir\nlocal_dir_path = ../b',
      '[engine_part:p]\ntype = engine\nsource_name = a',
      '[engine_part:q]\ntype = engine-plugin-cmdb\nsource_name = b\nsource_path = ./x//y/',
    ].join('\n');
    const engines = readEngines(readIni([{ name: 'engine.ini', text }]), (path) => `/home/ada/${path}`);
    expect(formatEngines(engines)).toBe(
      [
        '[engines."my.engine"]',
        'description = "say \\"hi\\""',
        'environment = "hamlet"',
        `sources.a = { image = "ghcr.io/hamlet-io/engine@sha256:${'0'.repeat(64)}" }`,
        'sources.b = { directory = "/home/ada/../b" }',
        'parts.core-engine = { source = "a" }',
        'parts.engine-plugin-cmdb = { source = "b", path = "x/y" }',
        '',
      ].join('\n'),
    );
  });
});

function read(text: string): Record<string, Record<string, string>> | null {
  try {
    const sections = [...readIni([{ name: 'x', text }])];
    return Object.fromEntries(sections.map(([name, values]) => [name, Object.fromEntries(values)]));
  } catch {
    return null;
  }
}
