import { describe, expect, it } from 'vitest';
import {
  engineLineage,
  enginesFrom,
  imagesOf,
  mergeCatalogs,
  parseCatalog,
  policyEngines,
} from '../../src/catalog/index.js';
import { parseReference } from '../../src/oci/index.js';
import { policiesFor } from '../../src/trust/index.js';

const parse = (text: string, name = 'engineshed.toml') =>
  parseCatalog(text, { name, baseDirectory: '/project' });
const policy = (more: string) => `[trust.acme]\nkeys = ["acme.pub"]\n${more}`;

describe('a policy in a catalog', () => {
  it('has keys beside the file or in it, and is plain unless told', () => {
    const pem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';
    const text = `[trust.acme]\nengines = ["train"]\nkeys = ["keys/acme.pub", ${JSON.stringify(pem)}]\n`;
    expect(parse(text).policies).toEqual([
      {
        name: 'acme',
        file: 'engineshed.toml',
        engines: ['train'],
        images: [],
        keys: [
          { kind: 'file', path: '/project/keys/acme.pub' },
          { kind: 'text', pem },
        ],
        threshold: 1,
        channel: false,
      },
    ]);
  });

  it.each([
    ['for nothing', '', 'engines'],
    ['for an image without a registry', 'images = ["acme/engine"]', 'names no registry'],
    ['for a tag', 'images = ["ghcr.io/acme/engine:latest"]', 'has a tag'],
    ['for a family by its placeholder', 'engines = ["tram-{date}"]', 'with * for any characters'],
    ['by more keys than there are', 'engines = ["x"]\nthreshold = 2', 'there are 1 keys'],
    ['by nobody', 'engines = ["x"]\nthreshold = 0', 'at least 1'],
    ['with a key that is misspelt', 'engines = ["x"]\nchannels = true', 'channel'],
  ])('F01 is no policy %s', (_, more, message) => {
    expect(() => parse(policy(more))).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }) as unknown as Error,
    );
    try {
      parse(policy(more));
    } catch (error) {
      const { message: said, hint } = error as { message: string; hint?: string };
      expect(`${said} ${hint}`).toContain(message);
    }
  });

  it('F01 holds beside one of its name in another file', () => {
    const user = parse(policy('engines = ["train"]\nchannel = true'), 'user');
    const project = parse(policy('engines = ["train"]'), 'project');
    const { policies } = mergeCatalogs([user, project]);
    expect(policies.map(({ file, channel }) => [file, channel])).toEqual([
      ['user', true],
      ['project', false],
    ]);
  });

  it('F01 is for an engine and those that extend it, and for members of a family', () => {
    const catalogs = mergeCatalogs([
      parse(`
[engines."tram-{date}".sources]
base = { image = "ghcr.io/acme/base:night-{date}" }
[engines."mine-{date}"]
extends = "tram-{date}"
[engines.yours]
extends = "tram-20260101"
[engines.theirs]
extends = "yours"
`),
    ]);
    expect(engineLineage(catalogs, 'tram-20260102')).toEqual(['tram-20260102']);
    expect(engineLineage(catalogs, 'mine-20260102')).toEqual(['mine-20260102', 'tram-20260102']);
    expect(engineLineage(catalogs, 'theirs')).toEqual(['theirs', 'yours', 'tram-20260101']);
    expect(engineLineage(catalogs, 'nobody')).toEqual(['nobody']);
    expect(enginesFrom(catalogs, parseReference('ghcr.io/acme/base:any'))).toContain('tram-{date}');
  });

  it('F01 is for an image by its reference as for the engines that are taken from its place', () => {
    const catalogs = mergeCatalogs([
      parse(`
[engines.base.sources]
base = { image = "ghcr.io/acme/base:1" }
[engines.cust]
extends = "base"
sources.base = { image = "ghcr.io/cust/base:1" }
[engines."night-{date}"]
extends = "cust"
sources.base = { image = "ghcr.io/acme/night:n-{date}" }
[engines.acme-night-latest.sources]
base = { image = "ghcr.io/acme/night:latest" }
`),
    ]);
    const enginesOf = (name: string, image: string) => policyEngines(catalogs, name, parseReference(image));
    expect(enginesOf('any', 'ghcr.io/cust/base:any')).toEqual(['any', 'cust', 'base']);
    expect(enginesOf('cust', 'ghcr.io/cust/base:any')).toEqual(['cust', 'base']);
    expect(enginesOf('any', 'ghcr.io/acme/night:n-20260102')).toContain('night-20260102');
    expect(enginesOf('any', 'ghcr.io/acme/night:any')).toContain('night-{date}');
    // One engine beside another in one place is not the other.
    expect(enginesOf('night-20260102', 'ghcr.io/acme/night:n-20260102')).not.toContain('acme-night-latest');
    expect(enginesOf('acme-night-latest', 'ghcr.io/acme/night:latest')).toContain('cust');
  });

  it('F01 is for an engine that another file redefines without what it extends', () => {
    const user = parse(
      `
[engines.base.sources]
base = { image = "ghcr.io/acme/base:1" }
[engines.dev]
extends = "base"
[engines."night-{date}"]
extends = "base"
sources.base = { image = "ghcr.io/acme/base:{date}" }
`,
      'user',
    );
    const project = parse(
      `
[engines.dev.sources]
base = { image = "ghcr.io/evil/base:1" }
[engines.night-20260102.sources]
base = { image = "ghcr.io/evil/base:2" }
[engines.mine]
extends = "night-20260102"
`,
      'project',
    );
    const catalogs = mergeCatalogs([user, project]);
    expect(engineLineage(catalogs, 'dev')).toEqual(['dev', 'base']);
    expect(engineLineage(catalogs, 'night-20260102')).toEqual(['night-20260102', 'base']);
    expect(engineLineage(catalogs, 'mine')).toEqual(['mine', 'night-20260102', 'base']);
    expect(imagesOf(catalogs, 'dev')).toEqual(['ghcr.io/evil/base', 'ghcr.io/acme/base']);
    expect(enginesFrom(catalogs, parseReference('ghcr.io/acme/base:any'))).toContain('dev');
  });

  it.each([
    ['train', 'train', true],
    ['train', 'trains', false],
    ['tram*', 'tram-20260101', true],
    ['*-20260101', 'tram-20260101', true],
    ['t*m*01', 'tram-20260101', true],
    ['a*a', 'a', false],
    ['*', 'anything', true],
    ['t.am', 'tram', false],
  ])('the pattern %s and the name %s', (pattern, name, fits) => {
    const { policies } = parse(policy(`engines = ["${pattern}"]`));
    expect(policiesFor(policies, { engines: [name], images: [] })).toHaveLength(fits ? 1 : 0);
  });

  it.each([
    ['docker.io/busybox', 'docker.io/busybox:1'],
    ['docker.io/busy*', 'busybox'],
    ['index.docker.io/acme/*', 'docker.io/acme/x'],
    ['docker.io/acme/*', 'registry-1.docker.io/acme/x'],
    ['docker.io/*', 'busybox'],
    ['ghcr.io/acme/*', 'ghcr.io:443/acme/x'],
    ['ghcr.io:443/acme/*', 'ghcr.io/acme/x'],
    ['*', 'ghcr.io/acme/x'],
    ['*/acme/x', 'ghcr.io:443/acme/x'],
    ['localhost:5000/acme/*', 'localhost:5000/acme/x'],
  ])('F01 %s is for %s, however both are spelled', (pattern, image) => {
    const { policies } = parse(policy(`images = ["${pattern}"]`));
    const reference = parseReference(image);
    const name = reference.transport === 'registry' ? `${reference.registry}/${reference.repository}` : '';
    expect(policiesFor(policies, { engines: [], images: [name] })).toHaveLength(1);
    expect(policiesFor(policies, { engines: [], images: ['quay.example.com/other/y'] })).toHaveLength(
      pattern === '*' ? 1 : 0,
    );
  });

  it('is for images whatever case its host is written in', () => {
    const { policies } = parse(policy('images = ["GHCR.io/acme/*"]'));
    expect(policiesFor(policies, { engines: [], images: ['ghcr.io/acme/a/b'] })).toHaveLength(1);
    expect(policiesFor(policies, { engines: [], images: ['ghcr.io/acmes/a'] })).toHaveLength(0);
  });
});
