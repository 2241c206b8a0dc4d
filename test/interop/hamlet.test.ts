import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hamletProgram } from '../../scripts/hamlet-peer.mjs';
import { run, type User, userIn } from '../acceptance/user.js';
import { hamletComponents, makeHamlet } from '../support/hamlet.js';
import { peersMissing, peersRequired } from '../support/peers.js';
import { type RealRegistry, startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';
import { readTree } from '../support/tree.js';

const skipped = peersMissing('docker-registry') || (!peersRequired && !existsSync(hamletProgram));

/** The engines of hamlet's own kinds, and one of local directories, in hamlet's own configuration. */
function engineIni(host: string, digest: string): string {
  const parts = (kind: string) =>
    ['wrapper', 'core', 'bash', 'aws', 'azure'].map((part) => `${kind}-${part}`).join(' ');
  const source = (name: string, repository: string, tag: string) => `
[engine_source:${name}]
type = container
container_registry_url = http://${host}
container_repository = hamlet-io/${repository}
container_tag = ${tag}
`;
  const part = (name: string, type: string, from: string, path: string) => `
[engine_part:${name}]
type = ${type}
source_name = ${from}
source_path = ${path}
`;
  const component = (kind: string, from: (name: string) => string, path: (name: string) => string) =>
    part(`${kind}-wrapper`, 'bundled-wrapper', from('engine-core'), `${path('engine-core')}image/`) +
    part(`${kind}-core`, 'engine', from('engine'), path('engine')) +
    part(`${kind}-bash`, 'executor-bash', from('executor-bash'), path('executor-bash')) +
    part(`${kind}-aws`, 'engine-plugin-aws', from('engine-plugin-aws'), path('engine-plugin-aws')) +
    part(`${kind}-azure`, 'engine-plugin-azure', from('engine-plugin-azure'), path('engine-plugin-azure'));
  return [
    `[DEFAULT]\ndescription = 100%% ours\n`,
    `[engine:consolidated]\nsources = base\nparts = ${parts('one')}\n`,
    `[engine:components]\nsources = ${hamletComponents.join('\n  ')}\nparts = ${parts('each')}\n`,
    `[engine:pinned]\nsources = exact\nparts = pinned-core\n`,
    `[engine:local]\nsources = checkout\nparts = local-jar local-core local-cmdb\n`,
    source('base', 'hamlet-engine-base', 'latest'),
    source('exact', 'engine', digest),
    ...hamletComponents.map((name) => source(name, name, 'edge')),
    `[engine_source:checkout]\ntype = local_dir\nlocal_dir_path = hamlet\n`,
    component(
      'one',
      () => 'base',
      (name) => `${name}/`,
    ),
    component(
      'each',
      (name) => name,
      () => '',
    ),
    part('pinned-core', 'engine', 'exact', ''),
    part('local-jar', 'wrapper', 'checkout', 'engine-core'),
    part('local-core', 'engine', 'checkout', 'engine'),
    part('local-cmdb', 'engine-plugin-cmdb', 'checkout', 'engine-plugin-aws/'),
  ].join('\n');
}

describe.skipIf(skipped)('hamlet', () => {
  let registry: RealRegistry;
  let user: User;
  let home: string;

  beforeAll(async () => {
    home = (await run('mktemp', ['-d'])).stdout.trim();
    mkdirSync(`${home}/registry`);
    registry = await startRealRegistry({ directory: `${home}/registry` });
    user = userIn(home);
    makeHamlet(`${user.work}/hamlet`, '1');
    let digest = '';
    for (const name of hamletComponents) {
      const { image } = await user.json([
        'publish',
        `hamlet/${name}`,
        `${registry.host}/hamlet-io/${name}:edge`,
      ]);
      if (name === 'engine') digest = image?.digest ?? '';
    }
    await user.output(['publish', 'hamlet', `${registry.host}/hamlet-io/hamlet-engine-base:latest`]);
    if (digest === '')
      digest = (await user.json(['inspect', `${registry.host}/hamlet-io/engine:edge`])).digest;
    mkdirSync(`${home}/.hamlet/config`, { recursive: true });
    writeFileSync(`${home}/.hamlet/config/engine.ini`, engineIni(registry.host, digest));
    await user.output(['import-ini', '--write']);
  });

  afterAll(async () => {
    await registry?.close();
    await run('sh', ['-c', 'chmod -R u+rwX "$1" && rm -rf "$1"', 'sh', home]);
  });

  it.each(['consolidated', 'components', 'pinned', 'local'])(
    'installs what is published, and its executor finds the same as with us: %s',
    async (engine) => {
      await hamlet(engine, 'install-engine', '-l', 'local', engine);
      const described = JSON.parse(await hamlet(engine, 'describe-engine', '-l', 'installed', engine));
      await user.output(['install', engine]);
      const { set, unset } = JSON.parse(
        await user.output(['env', '--json'], { environment: { ENGINESHED_ENGINE: engine } }),
      );
      const theirs = Object.entries(described.environment as Record<string, string>);
      expect(theirs.map(([name]) => name).sort()).toEqual([...Object.keys(set), ...unset].sort());
      for (const [name, value] of theirs) {
        // What it leaves empty we unset.
        expect([name, found(set[name] ?? '')]).toEqual([name, found(value)]);
      }
    },
  );

  it('prints what it writes, and leaves what is there', async () => {
    const other = userIn(temporaryDirectory());
    mkdirSync(`${other.home}/.config/engineshed`, { recursive: true });
    const path = `${other.home}/.config/engineshed/engineshed.toml`;
    const own = '# mine\ndefault = "local"\n[engines.local]\nsources.x = { directory = "/x" }';
    writeFileSync(path, own);
    const ini = `${home}/.hamlet/config/engine.ini`;
    const { toml } = await other.json(['import-ini', ini]);
    expect(readFileSync(path, 'utf8')).toBe(own);
    const written = await other.json(['import-ini', ini, '--write']);
    expect(written).toMatchObject({
      engines: ['consolidated', 'components', 'pinned'],
      kept: ['local'],
      written: true,
    });
    expect(readFileSync(path, 'utf8')).toBe(`${own}\n\n${written.toml}`);
    expect(toml).toContain('description = "100% ours"');
    expect(await other.json(['import-ini', ini, '--write'])).toMatchObject({ engines: [], written: false });
    const { engines } = await other.json(['available']);
    expect(engines.map(({ name }: { name: string }) => name)).toContain('pinned');
  });

  function hamlet(engine: string, ...args: readonly string[]): Promise<string> {
    const places = ['installed', 'local'].flatMap((place) => ['--engine-search-locations', place]);
    return run(hamletProgram, ['--engine', engine, ...places, 'engine', ...args], {
      directory: user.work,
      environment: { ...user.environment, PYTHONWARNINGS: 'ignore' },
    }).then(({ status, stdout, stderr }) => {
      if (status !== 0) throw new Error(`hamlet ${args.join(' ')} ended with ${status}: ${stderr}`);
      return stdout;
    });
  }
});

/** What the paths of a variable lead to; a value that is none as it is. */
function found(value: string): unknown[] {
  return value.split(';').map((path) => {
    if (!path.startsWith('/')) return path;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return 'nothing';
    return stat.isDirectory() ? readTree(path) : readFileSync(path, 'utf8');
  });
}
