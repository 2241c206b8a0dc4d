import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, type User } from './cli.js';

/** A registry with two components of a product, each with a tag `edge` that can be moved, and a project that is for them. */
async function situation(pin = 'engine = "acme"\n') {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  const image = (component: string) => `${registry.host}/acme/${component}`;
  const publish = async (component: string, release: string, ...flags: string[]) => {
    mkdirSync(`${user.work}/${component}`, { recursive: true });
    writeFileSync(`${user.work}/${component}/release`, release);
    return user.json(['publish', component, `${image(component)}:edge`, ...flags]);
  };
  await publish('core', 'one');
  await publish('plugin', 'one');
  const project = `${user.work}/project`;
  mkdirSync(project);
  const file = `${project}/engineshed.toml`;
  const definition = `[engines.acme.sources]
core = { image = "${image('core')}:edge" }
plugin = { image = "${image('plugin')}:edge" }
[engines.acme.environment]
CORE = { part = "core", path = "release" }
PLUGIN = { part = "plugin", path = "release" }
`;
  writeFileSync(file, pin + definition);
  const lock = `${project}/engineshed.lock`;
  const at = { directory: project };
  return {
    user,
    registry,
    image,
    publish,
    project,
    file,
    lock,
    definition,
    at,
    readLock: () => JSON.parse(readFileSync(lock, 'utf8')),
    /** What the state of the lock has for a variable. */
    content: (variable: string) => {
      const { engine, id } = JSON.parse(readFileSync(lock, 'utf8'));
      const { environment } = JSON.parse(
        readFileSync(`${user.store}/engines/${engine}/${id}/engine.json`, 'utf8'),
      );
      return readFileSync(environment.set[variable], 'utf8');
    },
  };
}

const failed = async (user: User, args: string[], directory: string) => {
  const run = await user.engineshed([...args, '--json'], { directory });
  expect(run.status, run.stderr).not.toBe(0);
  return { status: run.status, ...JSON.parse(run.stderr).error };
};

describe('install in a project', () => {
  it('writes a lock and installs just that, whatever the tags stand for later', async () => {
    const { user, publish, lock, at, readLock, content } = await situation();
    const first = await user.json(['install'], at);
    expect(first).toMatchObject({ name: 'acme', activated: true, project: { lock, written: true } });
    expect(readFileSync(lock, 'utf8').split('\n').slice(0, 4)).toEqual([
      '{',
      '  "version": 1,',
      '  "engine": "acme",',
      `  "id": "${first.id}",`,
    ]);
    const before = readFileSync(lock, 'utf8');
    await publish('core', 'two');
    const again = await user.json(['install'], at);
    expect(again).toMatchObject({ id: first.id, upToDate: true, project: { written: false } });
    expect(readFileSync(lock, 'utf8')).toBe(before);
    // On another machine, from a registry where the tag has moved.
    rmSync(user.store, { recursive: true });
    const elsewhere = await user.json(['install', '--locked'], at);
    expect(elsewhere.id).toBe(first.id);
    expect(content('CORE')).toBe('one');
    expect(readLock().sources.core.reference).toMatch(/\/acme\/core:edge$/);
  });

  it('leaves the engine of the machine alone', async () => {
    const { user, publish, at } = await situation();
    await user.output(['install'], at);
    await publish('core', 'two');
    const machine = await user.json(['install', 'acme'], at);
    const link = `${user.store}/engines/acme/active`;
    expect(readlinkSync(link)).toBe(machine.id);
    const project = await user.json(['install', '--locked'], at);
    expect(project.id).not.toBe(machine.id);
    expect(readlinkSync(link)).toBe(machine.id);
    expect(existsSync(`${user.store}/engines/acme/${project.id}/engine.json`)).toBe(true);
    await user.output(['install', '--use'], at);
    expect(readlinkSync(link)).toBe(project.id);
  });

  it('asks no registry for what stands, and works offline', async () => {
    const { user, registry, at } = await situation();
    await user.output(['install'], at);
    const asked = registry.requests.length;
    await user.output(['install'], at);
    await user.output(['install', '--locked'], at);
    await user.output(['install', '--locked', '--offline'], at);
    expect(registry.requests.length).toBe(asked);
    rmSync(`${user.store}`, { recursive: true });
    const error = await failed(user, ['install', '--locked', '--offline'], at.directory);
    expect(error).toMatchObject({ code: 'OFFLINE', status: 69 });
  });

  it('works from below the project, and from a mirror, with the same lock', async () => {
    const { user, registry, image, at, lock, project } = await situation();
    const mirror = await ScriptedRegistry.start();
    onTestFinished(() => mirror.close());
    for (const component of ['core', 'plugin'])
      await user.output(['copy', `${image(component)}:edge`, `${mirror.host}/acme/${component}:edge`]);
    await user.output(['lock'], at);
    const text = readFileSync(lock, 'utf8');
    rmSync(lock);
    mkdirSync(`${project}/deep/er`, { recursive: true });
    const asked = registry.requests.length;
    await user.output(['install', '--registry', mirror.host], { directory: `${project}/deep/er` });
    expect(readFileSync(lock, 'utf8')).toBe(text);
    rmSync(user.store, { recursive: true });
    await user.output(['install', '--locked', '--registry', mirror.host], at);
    expect(registry.requests.length).toBe(asked);
  });

  it('locks anew only what the file asks for otherwise', async () => {
    const { user, publish, image, file, definition, at, readLock } = await situation();
    await user.output(['install'], at);
    const before = readLock();
    await publish('core', 'two');
    await user.output(['publish', 'plugin', `${image('plugin')}:feature`, '--annotation', 'a=b'], {
      directory: user.work,
    });
    writeFileSync(file, `engine = "acme"\n${definition}\n[overrides]\nplugin = { tag = "feature" }\n`);
    await user.output(['install'], at);
    const after = readLock();
    expect(after.sources.core).toEqual(before.sources.core);
    expect(after.sources.plugin.reference).toBe(`${image('plugin')}:feature`);
    expect(after.id).not.toBe(before.id);
  });

  it('refuses flags that belong to engines', async () => {
    const { user, at } = await situation();
    expect(await failed(user, ['install', 'acme', '--locked'], at.directory)).toMatchObject({
      code: 'USAGE',
    });
    expect(await failed(user, ['install', '--platform', 'linux/arm64'], at.directory)).toMatchObject({
      code: 'USAGE',
    });
    expect(await failed(user, ['install', '--locked'], user.home)).toMatchObject({ code: 'USAGE' });
    expect(await failed(user, ['lock'], user.home)).toMatchObject({ code: 'USAGE' });
  });

  it('plans without changing anything', async () => {
    const { user, lock, at } = await situation();
    const plan = await user.json(['install', '--dry-run'], at);
    expect(plan).toMatchObject({ dryRun: true, upToDate: false, project: { lock, written: false } });
    expect(existsSync(lock)).toBe(false);
    expect(existsSync(user.store)).toBe(false);
  });
});

describe('install --locked', () => {
  it('says all that differs, and changes nothing', async () => {
    const { user, image, file, definition, lock, at } = await situation();
    const missing = await failed(user, ['install', '--locked'], at.directory);
    expect(missing).toMatchObject({ code: 'LOCK_OUTDATED', status: 78 });
    await user.output(['lock'], at);
    const text = readFileSync(lock, 'utf8');
    writeFileSync(
      file,
      `engine = "acme"\n${definition.replace('core:edge', 'core:other').replace('PLUGIN', 'OTHER')}[overrides]\nplugin.tag = "x"\n`,
    );
    const error = await failed(user, ['install', '--locked'], at.directory);
    expect(error).toMatchObject({ code: 'LOCK_OUTDATED', status: 78 });
    for (const part of [
      `the source "core" is ${image('core')}:other, and ${image('core')}:edge in the lock`,
      `the source "plugin" is ${image('plugin')}:x, and`,
      'the variable "PLUGIN" is another in the lock',
      'the variable "OTHER" is another in the lock',
    ])
      expect(error.message).toContain(part);
    expect(readFileSync(lock, 'utf8')).toBe(text);
    writeFileSync(file, `engine = "train"\n${definition}`);
    const other = await failed(user, ['install', '--locked'], at.directory);
    expect(other.message).toContain('asks for the engine "train", and the lock is of "acme"');
  });

  it('refuses directories, whose content no lock can tell', async () => {
    const { user, file, definition, at } = await situation();
    mkdirSync(`${user.work}/checkout`);
    writeFileSync(`${user.work}/checkout/release`, 'mine');
    writeFileSync(file, `engine = "acme"\n${definition}[overrides]\ncore = { directory = "../checkout" }\n`);
    const run = await user.engineshed(['lock'], at);
    expect(run.stderr).toContain('its content is not locked');
    await user.output(['install'], at);
    const error = await failed(user, ['install', '--locked'], at.directory);
    expect(error.message).toContain('the source "core" is a directory');
  });

  it('finds every digest and size that the lock has otherwise than the image', async () => {
    const { user, lock, at, readLock } = await situation();
    await user.output(['lock'], at);
    const good = readLock();
    const change = async (
      edit: (image: { layers: { descriptor: { size: number } }[]; config: { size: number } }) => void,
    ) => {
      const changed = structuredClone(good);
      edit(changed.sources.core.images[0]);
      writeFileSync(lock, `${JSON.stringify(changed, null, 2)}\n`);
      return failed(user, ['install', '--locked'], at.directory);
    };
    const edits: Parameters<typeof change>[0][] = [
      ({ layers }) => {
        if (layers[0] !== undefined) layers[0].descriptor.size += 1;
      },
      ({ config }) => {
        config.size += 1;
      },
      ({ layers }) => layers.splice(0),
    ];
    for (const edit of edits) expect(await change(edit)).toMatchObject({ code: 'LOCK_INVALID', status: 78 });
  });

  it('is told when what the lock names is gone', async () => {
    const { user, publish, registry, at } = await situation();
    await user.output(['lock'], at);
    await publish('core', 'two');
    const { manifests } = registry.contents.repository('acme/core');
    for (const digest of [...manifests.keys()]) if (digest.startsWith('sha256:')) manifests.delete(digest);
    const error = await failed(user, ['install', '--locked'], at.directory);
    expect(error.code).toMatch(/NOT_FOUND/);
    expect(error.message).toContain('engineshed update');
  });
});

describe('update, outdated, diff', () => {
  it('tell what moves, move it, and tell nothing then', async () => {
    const { user, publish, file, definition, at, readLock, content } = await situation();
    const from = [
      '--annotation',
      'org.opencontainers.image.revision=aaaaaaaaaaaa',
      '--annotation',
      'org.opencontainers.image.source=https://github.com/acme/core.git',
    ];
    const to = [
      '--annotation',
      'org.opencontainers.image.revision=bbbbbbbbbbbb',
      '--annotation',
      'org.opencontainers.image.source=git@github.com:acme/core',
    ];
    await publish('core', 'two', ...from);
    await user.output(['install'], at);
    expect(await user.json(['outdated'], at)).toMatchObject({ outdated: false, engines: [{ changes: [] }] });
    await publish('core', 'three', ...to);
    await publish('plugin', 'three');
    const before = readLock();
    const late = await user.engineshed(['outdated', '--json'], at);
    expect(late.status).toBe(1);
    expect(JSON.parse(late.stdout)).toMatchObject({
      outdated: true,
      engines: [{ name: 'acme', changes: [{ source: 'core' }, { source: 'plugin' }] }],
    });
    const table = await user.engineshed(['outdated'], at);
    expect(table.stdout).toMatch(/acme +core +aaaaaaaaaa [0-9a-f]{12} +bbbbbbbbbb [0-9a-f]{12}/);

    const dry = await user.json(['update', '--dry-run'], at);
    expect(dry).toMatchObject({ dryRun: true, changes: [{}, {}], project: { written: false } });
    expect(readLock()).toEqual(before);
    const compare = 'https://github.com/acme/core/compare/aaaaaaaaaaaa...bbbbbbbbbbbb';
    const one = await user.json(['update', 'core'], at);
    expect(one.changes).toMatchObject([
      {
        source: 'core',
        change: 'changed',
        before: { revision: 'aaaaaaaaaaaa' },
        after: { revision: 'bbbbbbbbbbbb' },
        compare,
      },
    ]);
    expect(readLock().sources.plugin).toEqual(before.sources.plugin);
    expect([content('CORE'), content('PLUGIN')]).toEqual(['three', 'one']);
    expect(await failed(user, ['update', 'croe'], at.directory)).toMatchObject({
      code: 'SOURCE_UNKNOWN',
      hint: 'Did you mean "core"?',
    });

    const now = await user.json(['diff', '.', '--files'], at);
    expect(now.sources).toMatchObject([
      { source: 'core', change: 'same' },
      { source: 'plugin', change: 'changed' },
    ]);
    expect(now.files).toEqual([{ source: 'plugin', path: 'release', change: 'changed' }]);
    const all = await user.output(['update'], at);
    expect(all).toContain('engineshed.lock is written.');
    expect(content('PLUGIN')).toBe('three');
    expect(await user.output(['update'], at)).toContain('acme is up to date');
    expect(await user.output(['outdated'], at)).toBe('Everything is up to date.\n');

    // The states of before and after stand both, until the old one is collected.
    const states = await user.json(['diff', `acme@${before.id}`, `acme@${readLock().id}`, '--files'], at);
    expect(states.before).toEqual({ name: 'acme', id: before.id, installed: true });
    expect(states.files).toHaveLength(2);
    writeFileSync(file, `engine = "acme"\n${definition}MORE = "more"\n`);
    await user.output(['lock'], at);
    const lines = await user.output(['diff', `acme@${before.id}`, './engineshed.lock'], at);
    expect(lines).toContain('added variable MORE');
    expect(lines).toContain(`core: ${compare}`);
    expect(await user.output(['diff', 'acme', 'acme'], at)).toBe('They are the same.\n');
    expect(await failed(user, ['diff', 'nothing/here'], at.directory)).toMatchObject({
      code: 'PATH_NOT_FOUND',
    });
  });

  it('work on installed engines outside of projects', async () => {
    const { user, publish, file, definition, image, at } = await situation('');
    await user.output(['install', 'acme'], at);
    await user.output(['install', `${image('plugin')}:edge`, '--name', 'only'], at);
    await publish('plugin', 'two');
    const late = await user.engineshed(['outdated', '--json'], at);
    expect(late.status).toBe(1);
    expect(
      JSON.parse(late.stdout).engines.map((engine: { name: string; changes: object[] }) => [
        engine.name,
        engine.changes.length,
      ]),
    ).toEqual([
      ['acme', 1],
      ['only', 1],
    ]);
    expect((await user.engineshed(['outdated', 'only'], at)).status).toBe(1);
    expect(await user.json(['update', 'only'], at)).toMatchObject({
      name: 'only',
      changes: [{ change: 'changed' }],
      project: null,
    });
    expect(await user.json(['update'], at)).toMatchObject({ name: 'acme', changes: [{ source: 'plugin' }] });
    expect((await user.engineshed(['outdated'], at)).status).toBe(0);
    expect(await failed(user, ['update', 'acme', 'only'], at.directory)).toMatchObject({ code: 'USAGE' });
    expect(await failed(user, ['update', 'train'], at.directory)).toMatchObject({
      code: 'ENGINE_NOT_INSTALLED',
    });
    // What the registry has is compared with what stands, without installing it.
    writeFileSync(
      file,
      `${definition}[engines.other.sources]\nplugin = { image = "${image('plugin')}:edge" }\n`,
    );
    const compared = await user.json(['diff', 'other', 'acme', '--files'], at);
    expect(compared.sources).toMatchObject([
      { source: 'core', change: 'added' },
      { source: 'plugin', change: 'same' },
    ]);
    expect(compared.files).toEqual([{ source: 'core', path: 'release', change: 'added' }]);
  });
});

describe('a lock of images for several platforms', () => {
  it('is one file, with one id, for all of them', async () => {
    const { user, image, project, file, lock, at, readLock, content } = await situation();
    for (const architecture of ['amd64', 'arm64']) {
      writeFileSync(`${user.work}/core/release`, architecture);
      await user.output([
        'publish',
        'core',
        `${image('core')}:edge-${architecture}`,
        '--platform',
        `linux/${architecture}`,
      ]);
    }
    await user.output([
      'index',
      `${image('core')}:edge`,
      `${image('core')}:edge-amd64`,
      `${image('core')}:edge-arm64`,
    ]);
    const installed = await user.json(['install'], at);
    expect(readLock().id).toBe(installed.id);
    expect(readLock().sources.core.images.map(({ platform }: { platform: string }) => platform)).toEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
    const own = process.arch === 'arm64' ? 'arm64' : 'amd64';
    expect(content('CORE')).toBe(own);
    expect(await user.json(['verify'])).toMatchObject({ faults: [] });
    expect((await user.json(['install', '--locked', '--offline'], at)).upToDate).toBe(true);
    // As somebody on the other platform has it: the lock is theirs as it is.
    const text = readFileSync(lock, 'utf8');
    const main = `Object.defineProperty(process, 'arch', { value: '${own === 'arm64' ? 'x64' : 'arm64'}' })`;
    writeFileSync(`${project}/other.cjs`, main);
    const environment = {
      NODE_OPTIONS: `--require ${project}/other.cjs`,
      ENGINESHED_HOME: `${user.home}/other`,
    };
    const other = await user.json(['install', '--locked'], { ...at, environment });
    expect(other.id).toBe(installed.id);
    const { environment: set } = JSON.parse(
      readFileSync(`${user.home}/other/engines/acme/${other.id}/engine.json`, 'utf8'),
    );
    expect(readFileSync(set.set.CORE, 'utf8')).toBe(own === 'arm64' ? 'amd64' : 'arm64');
    rmSync(lock);
    await user.output(['lock'], { ...at, environment });
    expect(readFileSync(lock, 'utf8')).toBe(text);
    expect(existsSync(file)).toBe(true);
  });
});
