import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { failed, situation } from './project.js';

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
