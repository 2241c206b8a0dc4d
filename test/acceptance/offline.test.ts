import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { hamletComponents, makeHamlet } from '../support/hamlet.js';
import { newUser, type Run, type User } from './cli.js';

/** A user with hamlet's stand-ins published, and the registry that has them. */
async function prepare(): Promise<{ user: User; registry: ScriptedRegistry; mirror: string[] }> {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const user = newUser();
  makeHamlet(`${user.work}/components`, 'of the day');
  for (const component of hamletComponents)
    await user.output(['publish', `components/${component}`, `${registry.host}/hamlet-io/${component}:edge`]);
  await user.output([
    ...['publish', 'components', `${registry.host}/hamlet-io/hamlet-engine-base:latest`],
    ...['--tag', '9.1.0'],
  ]);
  return { user, registry, mirror: ['--registry', registry.host] };
}

function failure({ stderr }: Run): { code: string; kind: string; message: string } {
  return JSON.parse(stderr).error;
}

describe('install --offline', () => {
  it('takes what an installed engine stood for, asks nobody, and changes nothing', async () => {
    const { user, registry, mirror } = await prepare();
    const { id } = await user.json(['install', 'unicycle', ...mirror]);
    const asked = registry.requests.length;
    const again = await user.json(['install', 'unicycle', ...mirror, '--offline']);
    expect(again).toMatchObject({ id, upToDate: true, fetchedBytes: 0 });
    expect(registry.requests).toHaveLength(asked);
  });

  it('installs another name for what the store has', async () => {
    const { user, registry, mirror } = await prepare();
    await user.json(['install', 'train', ...mirror]);
    await registry.close();
    const image = `${registry.host}/hamlet-io/hamlet-engine-base:latest`;
    const copy = await user.json(['install', image, '--name', 'copy', '--offline']);
    expect(copy.fetchedBytes).toBe(0);
    const { resolved } = Object.values(copy.sources)[0] as { resolved: string };
    const pinned = await user.json(
      ['install', `${registry.host}/hamlet-io/hamlet-engine-base:9.1.0@${resolved}`, '--name', 'pinned'],
      { environment: { ENGINESHED_OFFLINE: '1' } },
    );
    expect(pinned.fetchedBytes).toBe(0);
  });

  it('says every source that the store does not know, with its reference', async () => {
    const { user, registry, mirror } = await prepare();
    const asked = registry.requests.length;
    const run = await user.engineshed(['install', 'unicycle', ...mirror, '--offline', '--json']);
    expect(run.status).toBe(69);
    expect(failure(run)).toMatchObject({ code: 'OFFLINE', kind: 'unavailable' });
    for (const component of hamletComponents)
      expect(failure(run).message).toContain(`${component} (${registry.host}/hamlet-io/${component}:edge)`);
    expect(registry.requests).toHaveLength(asked);
  });

  it('says every layer that the store lacks', async () => {
    const { user, mirror } = await prepare();
    const { fetchedLayers } = await user.json(['install', 'unicycle', ...mirror]);
    const gone = fetchedLayers.slice(0, 2) as { diffId: string; digest: string }[];
    for (const { diffId } of gone)
      rmSync(`${user.store}/layers/sha256/${diffId.slice(7)}`, { recursive: true, force: true });
    const run = await user.engineshed(['install', 'unicycle', ...mirror, '--offline', '--json']);
    expect(failure(run).code).toBe('OFFLINE');
    for (const { digest } of gone) expect(failure(run).message).toContain(digest);
    expect((await user.json(['install', 'unicycle', ...mirror])).fetchedLayers).toHaveLength(2);
  });

  it('does not take a damaged manifest of the store for the real one', async () => {
    const { user, mirror } = await prepare();
    const { sources } = await user.json(['install', 'train', ...mirror]);
    const { resolved } = Object.values(sources)[0] as { resolved: string };
    const blob = `${user.store}/blobs/sha256/${resolved.slice(7)}`;
    chmodSync(blob, 0o644);
    writeFileSync(blob, readFileSync(blob, 'utf8').replace('layers', 'Layers'));
    const run = await user.engineshed(['install', 'train', ...mirror, '--offline', '--json']);
    expect(failure(run).code).toBe('OFFLINE');
  });
});

describe('ENGINESHED_OFFLINE', () => {
  it('keeps every command from asking a registry', async () => {
    const { user, registry, mirror } = await prepare();
    const asked = registry.requests.length;
    const offline = { environment: { ENGINESHED_OFFLINE: '1' } };
    for (const command of [
      ['available', ...mirror],
      ['install', 'train', ...mirror],
      ['publish', 'components', `${registry.host}/x/y:z`],
    ]) {
      const run = await user.engineshed([...command, '--json'], offline);
      expect([
        run.status,
        failure({ ...run, stderr: run.stderr.trim().split('\n').at(-1) ?? '' }).code,
      ]).toEqual([69, 'OFFLINE']);
    }
    expect(registry.requests).toHaveLength(asked);
    await user.output(['install', 'train', ...mirror], { environment: { ENGINESHED_OFFLINE: '0' } });
  });
});

describe('update and outdated, offline', () => {
  it('say that only the registries know, of each source that they would have to ask for', async () => {
    const { user, registry, mirror } = await prepare();
    await user.json(['install', 'unicycle', ...mirror]);
    const asked = registry.requests.length;
    for (const command of ['update', 'outdated'])
      for (const [flags, environment] of [
        [['--offline'], {}],
        [[], { ENGINESHED_OFFLINE: '1' }],
      ] as const) {
        const run = await user.engineshed([command, 'unicycle', ...mirror, ...flags, '--json'], {
          environment,
        });
        expect([command, run.status, failure(run).code]).toEqual([command, 69, 'OFFLINE']);
        for (const component of hamletComponents)
          expect(failure(run).message).toContain(`${registry.host}/hamlet-io/${component}:edge`);
      }
    expect(registry.requests).toHaveLength(asked);
  });

  it('look into image layouts, and take what a digest names for what it is', async () => {
    const { user, registry } = await prepare();
    const image = `${registry.host}/hamlet-io/hamlet-engine-base`;
    const { digest } = await user.json(['inspect', `${image}:latest`]);
    await user.output(['publish', 'components', 'oci:images:edge']);
    mkdirSync(`${user.work}/project`);
    writeFileSync(
      `${user.work}/project/engineshed.toml`,
      `engine = "mine"
[engines.mine.sources]
local = { layout = "../images:edge" }
fixed = { image = "${image}@${digest}" }
moving = { image = "${image}:9.1.0" }
`,
    );
    const project = { directory: `${user.work}/project` };
    await user.output(['install'], project);
    writeFileSync(`${user.work}/components/more`, 'more');
    await user.output(['publish', 'components', 'oci:images:edge']);
    const asked = registry.requests.length;
    expect(failure(await user.engineshed(['outdated', '--offline', '--json'], project)).message).toMatch(
      /asked for moving \([^,]*:9\.1\.0\)/,
    );
    const { changes } = await user.json(['update', 'local', 'fixed', '--offline'], project);
    expect(changes.map(({ source }: { source: string }) => source)).toEqual(['local']);
    expect(registry.requests).toHaveLength(asked);
  });
});
