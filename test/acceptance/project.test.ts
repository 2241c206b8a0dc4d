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
