import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { makeHamlet } from '../support/hamlet.js';
import { publishProduct } from '../support/product.js';
import { newUser, type User } from './cli.js';

async function startRegistry(): Promise<ScriptedRegistry> {
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  return registry;
}

/** A registry with hamlet's images, and a user whose `ghcr.io` it is. */
async function hamlet() {
  const registry = await startRegistry();
  const user = newUser();
  makeHamlet(`${user.work}/hamlet`, 'of today');
  const base = `${registry.host}/hamlet-io/hamlet-engine-base`;
  await user.output(['publish', 'hamlet', `${base}:schedule-20260301`, '--tag', 'latest', '--tag', '9.1.0']);
  for (const name of readdirSync(`${user.work}/hamlet`))
    await user.output(['publish', `hamlet/${name}`, `${registry.host}/hamlet-io/${name}:edge`]);
  return { registry, user };
}

/** Everything of an installed engine but where the store is and when it was installed. */
const state = async (user: User, name: string) =>
  JSON.parse(
    readFileSync(`${user.store}/engines/${name}/active/engine.json`, 'utf8')
      .replaceAll(user.store, 'STORE')
      .replace(/"installed": "[^"]*"/, '"installed": ""'),
  );

describe('an engine in a file', () => {
  it('is the same engine where it is imported, with no registry left', async () => {
    const { registry, user } = await hamlet();
    const source = ['--registry', registry.host];
    await user.output(['install', 'unicycle', ...source]);
    const exported = await user.json(['export', 'unicycle', 'unicycle.tar']);
    expect(exported).toMatchObject({ name: 'unicycle', asInstalled: true, referrers: 0 });
    expect(exported.images).toHaveLength(5);
    await registry.close();

    const site = newUser();
    const file = `${user.work}/unicycle.tar`;
    const planned = await site.json(['import', file, '--dry-run']);
    expect(planned.engines[0]).toMatchObject({ name: 'unicycle', upToDate: false });
    expect(existsSync(site.store)).toBe(false);
    const imported = await site.json(['import', file]);
    expect(imported.engines).toMatchObject([{ name: 'unicycle', id: exported.id, activated: true }]);
    expect(await state(site, 'unicycle')).toEqual(await state(user, 'unicycle'));
    const run = ['exec', 'unicycle', '--', 'sh', '-c', '"$GENERATION_DIR/createTemplate.sh"'];
    expect(await site.output(run)).toBe(await user.output(run));
    const blobs = (of: User) => readdirSync(`${of.store}/blobs/sha256`).sort();
    expect(blobs(site)).toEqual(blobs(user));
    expect((await site.json(['import', file])).engines[0]).toMatchObject({ upToDate: true });
  });

  it('is written as it is installed, also when its tags have moved; another one as it stands now', async () => {
    const { registry, user } = await hamlet();
    await user.output(['install', 'train', '--registry', registry.host]);
    const before = await user.json(['show', 'train']);
    writeFileSync(`${user.work}/hamlet/new`, 'new');
    await user.output(['publish', 'hamlet', `${registry.host}/hamlet-io/hamlet-engine-base:latest`]);
    const kept = await user.json(['export', 'train', 'kept.tar']);
    expect(kept).toMatchObject({ id: before.id, asInstalled: true });
    const now = await user.json(['export', 'train', 'now.tar', '--registry', registry.host]);
    expect(now.asInstalled).toBe(false);
    expect(now.id).not.toBe(before.id);
    expect(await user.output(['export', '9.1.0', 'v.tar', '--registry', registry.host])).toContain(
      'as it stands now',
    );
    const again = await user.engineshed(['export', 'train', 'kept.tar']);
    expect(again).toMatchObject({ status: 74, stdout: '' });
    expect(again.stderr).toContain('--replace');
    await user.output(['export', 'train', 'kept.tar', '--replace']);
  });

  it('has the same bytes every time, and is an OCI archive', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['install', 'hello-1.0.0']);
    await user.output(['export', 'hello-1.0.0', 'a.tar']);
    await user.output(['export', 'hello-1.0.0', 'b.tar']);
    expect(readFileSync(`${user.work}/a.tar`).equals(readFileSync(`${user.work}/b.tar`))).toBe(true);
    mkdirSync(`${user.work}/unpacked`);
    execFileSync('tar', ['xf', `${user.work}/a.tar`, '-C', `${user.work}/unpacked`]);
    const site = newUser();
    await site.output(['import', `${user.work}/unpacked`]);
    expect(await site.output(['exec', 'hello-1.0.0', '--', 'sh', '-c', '"$HELLO_EXECUTOR" Ada'])).toBe(
      'Hello, Ada!\n',
    );
    const copied = await site.json([
      'copy',
      `oci-archive:${user.work}/a.tar:hello-1.0.0-engine`,
      'oci:images:1',
    ]);
    const { sources } = await user.json(['show', 'hello-1.0.0']);
    expect(copied.digest).toBe(sources.engine.manifest.digest);
  });

  it('has of an index the image for its platform, and the index itself', async () => {
    const user = newUser();
    for (const arch of ['amd64', 'arm64']) {
      mkdirSync(`${user.work}/${arch}`);
      writeFileSync(`${user.work}/${arch}/which`, arch);
      await user.output(['publish', arch, `oci:images:${arch}`, '--platform', `linux/${arch}`]);
    }
    const parts = ['oci:images:amd64', 'oci:images:arm64'];
    await user.output(['index', 'oci:images:all', ...parts]);
    const installed = await user.json(['install', 'oci:images:all', '--name', 'both']);
    const exported = await user.json(['export', 'both', 'both.tar']);
    expect([exported.id, exported.images.length]).toEqual([installed.id, 1]);
    rmSync(`${user.work}/images`, { recursive: true });
    const site = newUser();
    const imported = await site.json(['import', `${user.work}/both.tar`]);
    expect(imported.engines[0].id).toBe(installed.id);
    expect(await state(site, 'both')).toEqual(await state(user, 'both'));
    const copied = await site.json(['copy', `oci-archive:${user.work}/both.tar:both-images`, 'oci:i:1']);
    expect(copied.digest).toBe(exported.images[0]);
  });

  it('has no directories of this machine', async () => {
    const user = newUser();
    mkdirSync(`${user.work}/here`);
    writeFileSync(
      `${user.work}/engineshed.toml`,
      '[engines.local.sources]\nhere = { directory = "here" }\n[engines.local.parts]\nhere = { source = "here" }\n',
    );
    const before = await user.engineshed(['export', 'local', 'local.tar']);
    await user.output(['install', 'local']);
    const after = await user.engineshed(['export', 'local', 'local.tar']);
    for (const { status, stderr } of [before, after]) {
      expect([status, stderr]).toEqual([64, expect.stringContaining('engineshed publish')]);
    }
    expect(existsSync(`${user.work}/local.tar`)).toBe(false);
  });

  it('is not believed: a lock that says something else than its images is refused', async () => {
    const user = newUser();
    await publishProduct(user);
    await user.output(['export', 'hello-1.0.0', 'a.tar']);
    const layout = `${user.work}/layout`;
    const site = newUser();
    const changed = async (change: (lock: Lock) => void) => {
      rmSync(layout, { recursive: true, force: true });
      mkdirSync(layout);
      execFileSync('tar', ['xf', `${user.work}/a.tar`, '-C', layout]);
      changeLock(layout, change);
      const result = await site.engineshed(['import', layout]);
      expect([result.status, result.stdout]).toEqual([65, '']);
      expect(existsSync(`${site.store}/engines`)).toBe(false);
      return result.stderr;
    };
    const engine = (lock: Lock) => lock.sources.engine as Lock['sources'][string];
    expect(
      await changed((lock) => {
        engine(lock).layers = lock.sources['executor-bash']?.layers ?? [];
      }),
    ).toContain('not what the engine');
    await changed((lock) => {
      (engine(lock).layers[0] as { diffId: string }).diffId = `sha256:${'0'.repeat(64)}`;
    });
    await changed((lock) => {
      lock.name = '../outside';
    });
    await changed((lock) => {
      (lock.parts[0] as { path: string }).path = '../..';
    });
    await changed((lock) => {
      lock.sources['../x'] = engine(lock);
    });
    await changed((lock) => {
      Object.assign(lock.sources, { etc: { kind: 'directory', path: '/etc' } });
    });
    await changed((lock) => {
      lock.environment.push({ name: 'PATH=x', kind: 'value', value: 'x' });
    });
  });
});

describe('mirror', () => {
  it('copies an engine to where install --registry finds it', async () => {
    const { registry, user } = await hamlet();
    mkdirSync(`${user.home}/.config/engineshed`, { recursive: true });
    writeFileSync(
      `${user.home}/.config/engineshed/engineshed.toml`,
      `[[registry]]\nprefix = "ghcr.io"\nlocation = "${registry.host}"\n`,
    );
    const other = await startRegistry();
    const planned = await user.json(['mirror', 'tram-20260301', `${other.host}/copies`, '--dry-run']);
    expect(planned.images).toHaveLength(1);
    expect(other.log.filter((line) => !line.startsWith('GET'))).toEqual([]);
    const first = await user.json(['mirror', 'tram-20260301', `${other.host}/copies`]);
    expect(first.images[0].to).toBe(`${other.host}/copies/hamlet-engine-base:schedule-20260301`);
    expect(first.sentBytes).toBeGreaterThan(0);
    const again = await user.json(['mirror', 'tram-20260301', `${other.host}/copies`]);
    expect(again).toMatchObject({ sentBytes: 0, presentBytes: first.sentBytes });
    await user.output(['mirror', 'unicycle', other.host]);
    await registry.close();

    const site = newUser();
    const installed = await site.json(['install', 'tram-20260301', '--registry', `${other.host}/copies`]);
    expect(Object.values<{ resolved: string }>(installed.sources)[0]?.resolved).toBe(first.images[0].digest);
    await site.output(['install', 'unicycle', '--registry', other.host]);
  });
});

interface Lock {
  name: string;
  sources: Record<string, { resolved: string; layers: { diffId: string }[] }>;
  parts: { path: string }[];
  environment: object[];
}

/** Writes a changed lock into an image layout, with digests that fit. */
function changeLock(layout: string, change: (lock: Lock) => void): void {
  const blob = (digest: string) => `${layout}/blobs/${digest.replace(':', '/')}`;
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
  const put = (value: object) => {
    const bytes = JSON.stringify(value);
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(blob(`sha256:${hex}`), bytes);
    return { digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  };
  const index = json(`${layout}/index.json`);
  const entry = index.manifests.find((one: { artifactType?: string }) => one.artifactType !== undefined);
  const manifest = json(blob(entry.digest));
  const lock = json(blob(manifest.layers[0].digest));
  change(lock);
  Object.assign(manifest.layers[0], put(lock));
  Object.assign(entry, put(manifest));
  writeFileSync(`${layout}/index.json`, JSON.stringify(index));
}
