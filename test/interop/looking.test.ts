import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { newUser, type User } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';
import { startRealRegistry } from '../support/registry-debian.js';
import { temporaryDirectory } from '../support/temporary.js';
import { makeComponent } from '../support/tree.js';

function peer(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** An image of several layers with whiteouts and an opaque directory, built by buildah, in a real registry. */
async function built(user: User): Promise<string> {
  const registry = await startRealRegistry({ directory: temporaryDirectory() });
  onTestFinished(() => registry.close());
  const buildah = (...args: string[]) =>
    peer(
      'buildah',
      '--root',
      `${user.work}/storage`,
      '--runroot',
      `${user.work}/run`,
      '--storage-driver',
      'vfs',
      ...args,
    );
  onTestFinished(() => removeTree(`${user.work}/storage`));
  makeComponent(`${user.work}/context/base`);
  mkdirSync(`${user.work}/context/more/templates`, { recursive: true });
  writeFileSync(`${user.work}/context/more/templates/added.ftl`, 'added');
  writeFileSync(`${user.work}/context/more/README.md`, '# changed\n');
  const dockerfile =
    'FROM scratch AS one\nCOPY base/ /\nFROM one\nLABEL a=b\nCOPY more/ /\nENTRYPOINT ["/bin/run.sh"]\n';
  writeFileSync(`${user.work}/Dockerfile`, dockerfile);
  const isolated = ['--layers', '--isolation', 'chroot'];
  buildah('bud', ...isolated, '-t', 'one', '-f', `${user.work}/Dockerfile`, `${user.work}/context`);
  const container = buildah('from', 'one').trim();
  const mount = buildah('mount', container).trim();
  execFileSync(
    'sh',
    ['-c', 'rm -r deep data.bin empty-directory && mkdir empty-directory && touch empty-directory/full'],
    {
      cwd: mount,
    },
  );
  buildah('umount', container);
  buildah('commit', '-q', container, 'changed');
  const reference = `${registry.host}/built/engine:1`;
  buildah('push', '--tls-verify=false', 'changed', `docker://${reference}`);
  return reference;
}

/** What stands in a directory, in the form of the documents of `ls`. */
function entriesOf(
  root: string,
  path = '',
): { path: string; kind: string; mode: string; size: number; target?: string }[] {
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => {
      const at = join(path, name);
      const stat = lstatSync(join(root, at));
      const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
      if (stat.isDirectory()) return [{ path: at, kind: 'directory', mode, size: 0 }, ...entriesOf(root, at)];
      if (stat.isFile()) return [{ path: at, kind: 'file', mode, size: stat.size }];
      return [{ path: at, kind: 'symlink', mode, size: 0, target: readlinkSync(join(root, at)) }];
    });
}

describe.skipIf(peersMissing('docker-registry', 'skopeo', 'buildah'))('looking at what buildah built', () => {
  it('lists and reads the tree that an install makes, and agrees with skopeo', async () => {
    const user = newUser();
    const reference = await built(user);
    const { entries } = await user.json(['ls', reference, '--recursive']);
    await user.output(['install', reference, '--name', 'built']);
    const root = await user.output(['which', 'engine', '--engine', 'built']);
    const installed = entriesOf(root.trim());
    expect(entries.map(({ layer: _, ...entry }: { layer: string }) => entry)).toEqual(installed);
    expect(installed.map(({ path }) => path)).toContain('empty-directory/full');
    for (const { path, kind } of installed) {
      if (kind !== 'file' || path === 'data.bin') continue;
      expect(await user.output(['cat', reference, path])).toBe(readFileSync(join(root.trim(), path), 'utf8'));
    }

    const skopeo = (...args: string[]) =>
      peer('skopeo', ...args, '--tls-verify=false', `docker://${reference}`);
    const seen = JSON.parse(skopeo('inspect'));
    const { digest, image } = await user.json(['inspect', reference]);
    expect(digest).toBe(seen.Digest);
    expect(image.layers.map((layer: { digest: string }) => layer.digest)).toEqual(seen.Layers);
    expect(image.layers.length).toBeGreaterThan(2);
    expect(image).toMatchObject({ labels: { a: 'b' }, entrypoint: ['/bin/run.sh'], platform: 'linux/amd64' });
    expect(await user.output(['inspect', reference, '--raw'])).toBe(skopeo('inspect', '--raw'));
    const repository = reference.slice(0, reference.lastIndexOf(':'));
    const tags = JSON.parse(peer('skopeo', 'list-tags', '--tls-verify=false', `docker://${repository}`)).Tags;
    expect((await user.output(['tags', repository])).trim().split('\n')).toEqual(tags);
  });
});
