import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRegistry } from '../../src/testing/index.js';
import { newUser, program, type User } from './cli.js';

/** A user, and a component in a registry: `acme/component`, as 1.0.0, 1.10.0 and edge. */
async function published(): Promise<{
  user: User;
  registry: ScriptedRegistry;
  image: string;
  digest: string;
}> {
  const user = newUser();
  const registry = await ScriptedRegistry.start();
  onTestFinished(() => registry.close());
  mkdirSync(`${user.work}/component/bin`, { recursive: true });
  writeFileSync(`${user.work}/component/bin/run.sh`, '#!/bin/sh\necho "$@"\n');
  chmodSync(`${user.work}/component/bin/run.sh`, 0o755);
  writeFileSync(`${user.work}/component/large`, Buffer.alloc(12_000_000, 'engineshed '));
  symlinkSync('bin/run.sh', `${user.work}/component/run`);
  const repository = `${registry.host}/acme/component`;
  const tags = ['1.10.0', 'edge'].flatMap((tag) => ['--tag', tag]);
  const { digest } = await user.json(['publish', 'component', `${repository}:1.0.0`, ...tags]);
  registry.requests.length = 0;
  return { user, registry, image: `${repository}:1.0.0`, digest };
}

describe('looking at images', () => {
  it('lists tags, one a line', async () => {
    const { user, registry, image } = await published();
    const repository = image.slice(0, image.lastIndexOf(':'));
    registry.contents
      .repository('acme/component')
      .tags.set(`sha256-${'a'.repeat(64)}`, `sha256:${'0'.repeat(64)}`);
    expect(await user.output(['tags', repository])).toBe('1.0.0\n1.10.0\nedge\n');
    expect(await user.output(['tags', repository, '--sort', 'version'])).toBe('1.10.0\n1.0.0\nedge\n');
    expect(await user.output(['tags', repository, '--sort', 'none', '--filter', '1.*', '--limit', '1'])).toBe(
      '1.0.0\n',
    );
    expect((await user.output(['tags', repository, '--all'])).split('\n')).toHaveLength(5);
    const { tags } = await user.json(['tags', repository, '--sort', 'date']);
    expect(tags.map(({ tag }: { tag: string }) => tag)).toEqual(['1.0.0', '1.10.0', 'edge']);
    for (const wrong of [image, 'train', 'no-engine'])
      expect((await user.engineshed(['tags', wrong])).status).toBe(64);
    expect((await user.engineshed(['tags', `${registry.host}/acme/missing`])).status).toBe(66);
  });

  it('inspects an image by three requests, and gives the very bytes of its manifest', async () => {
    const { user, registry, image, digest } = await published();
    const text = await user.output(['inspect', image]);
    expect(registry.requests).toHaveLength(3);
    expect(text).toContain(digest);
    expect(text).toContain('1 layer, ');
    const long = { note: 'x'.repeat(5000), short: 'y'.repeat(160) };
    const annotations = Object.entries(long).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]);
    await user.output(['publish', 'component', 'oci:annotated:1', ...annotations]);
    const shown = await user.output(['inspect', 'oci:annotated:1']);
    expect(shown).toContain(`note=${'x'.repeat(160)}... (5.0 kB, all of it with --json)\n`);
    expect(shown).toContain(`short=${long.short}\n`);
    expect((await user.json(['inspect', 'oci:annotated:1'])).image.annotations).toMatchObject(long);
    const raw = await user.output(['inspect', image, '--raw']);
    expect(`sha256:${createHash('sha256').update(raw).digest('hex')}`).toBe(digest);
    await user.output(['install', image, '--name', 'component']);
    const { installed, image: found } = await user.json(['inspect', image]);
    expect(installed).toEqual([{ engine: 'component', source: 'component' }]);
    expect(found.layers).toHaveLength(1);
    expect(await user.output(['inspect', image])).toContain('in component (component)');
  });

  it('lists the files, and writes nothing', async () => {
    const { user, image } = await published();
    expect(await user.output(['ls', image])).toBe('bin/\nlarge\nrun\n');
    expect(await user.output(['ls', image, 'bin'])).toBe('bin/run.sh\n');
    const long = await user.output(['ls', image, '--long', '--recursive']);
    expect(long).toMatch(/^-r-xr-xr-x +20 +sha256:[0-9a-f]{12} +bin\/run\.sh$/m);
    expect(long).toMatch(/^lrwxrwxrwx .* run -> bin\/run\.sh$/m);
    const { entries, digest } = await user.json(['ls', image, '/bin']);
    expect(entries).toEqual([
      { path: 'bin/run.sh', kind: 'file', mode: '0555', size: 20, layer: expect.stringMatching(/^sha256:/) },
    ]);
    expect(digest).toMatch(/^sha256:/);
    const missing = await user.engineshed(['ls', image, 'bni']);
    expect([missing.status, missing.stderr]).toEqual([66, expect.stringContaining('Did you mean "bin"?')]);
    expect(readdirSync(user.home)).toEqual(['work']);
  });

  it('prints a file, small or large, through a link, and leaves no file behind', async () => {
    const { user, image } = await published();
    const temporary = { TMPDIR: `${user.home}/tmp` };
    mkdirSync(temporary.TMPDIR);
    const cat = (path: string) => user.output(['cat', image, path], { environment: temporary });
    expect(await cat('run')).toBe('#!/bin/sh\necho "$@"\n');
    expect(
      createHash('sha256')
        .update(await cat('/large'))
        .digest('hex'),
    ).toBe(createHash('sha256').update(Buffer.alloc(12_000_000, 'engineshed ')).digest('hex'));
    expect(readdirSync(temporary.TMPDIR)).toEqual([]);
    const directory = await user.engineshed(['cat', image, 'bin']);
    expect([directory.status, directory.stdout]).toEqual([66, '']);
  });

  it('stops when nobody reads on', async () => {
    const { user, image } = await published();
    const child = spawn(process.execPath, [program, 'cat', image, 'large'], {
      env: user.environment,
      cwd: user.work,
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(0);
  });

  it('B01 prints nothing of a layer that is not what its image says', async () => {
    const { user, registry, image } = await published();
    const { image: found } = await user.json(['inspect', image]);
    const { digest } = found.layers[0];
    const bytes = Buffer.from(registry.contents.blobs.get(digest) ?? '');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    registry.contents.blobs.set(digest, bytes);
    for (const command of [
      ['cat', image, 'large'],
      ['cat', image, 'run'],
      ['ls', image],
    ]) {
      const { status, stdout } = await user.engineshed(command);
      expect([status, stdout]).toEqual([65, '']);
    }
  });

  it('says what to do with the name of an engine', async () => {
    const { user } = await published();
    for (const command of [
      ['ls', 'train'],
      ['cat', 'train', 'x'],
      ['inspect', 'train'],
    ]) {
      const { status, stderr } = await user.engineshed(command);
      expect([status, stderr]).toEqual([64, expect.stringContaining('engineshed show train')]);
    }
  });
});

describe('without a network', () => {
  it('available gives one message', async () => {
    const { user } = await published();
    const { status, stderr } = await user.engineshed(['available', '--registry', '127.0.0.1:1', '--json']);
    expect(status).toBe(69);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stderr).error.message).toContain('127.0.0.1:1');
  });
});
