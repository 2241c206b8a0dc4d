import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failed, situation } from './project.js';

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
