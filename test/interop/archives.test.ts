import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { newUser } from '../acceptance/cli.js';
import { peersMissing } from '../support/peers.js';
import { type RealRegistry, startRealRegistry } from '../support/registry-debian.js';
import { makeComponent, readTree } from '../support/tree.js';

function peer(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe.skipIf(peersMissing('docker-registry', 'skopeo', 'umoci'))('archives and real peers', () => {
  const homes: string[] = [];
  const registries: RealRegistry[] = [];
  beforeAll(async () => {
    for (let count = 0; count < 2; count++) {
      const directory = mkdtempSync(`${tmpdir()}/engineshed-registry-`);
      homes.push(directory);
      registries.push(await startRealRegistry({ directory }));
    }
  });
  afterAll(async () => {
    for (const registry of registries) await registry.close();
    for (const home of homes) await removeTree(home);
  });
  const host = (at: number) => (registries[at] as RealRegistry).host;

  /** A component, published to an image layout. */
  async function published() {
    const user = newUser();
    makeComponent(`${user.work}/component`);
    const { digest } = await user.json(['publish', 'component', 'oci:layout:1']);
    return { user, digest: digest as string };
  }
  const inspected = (image: string): { Digest: string } => JSON.parse(peer('skopeo', 'inspect', image));

  it('skopeo and GNU tar read the OCI archive that we write, with the same digest', async () => {
    const { user, digest } = await published();
    await user.output(['copy', 'oci:layout:1', 'oci-archive:ours.tar']);
    const file = `${user.work}/ours.tar`;
    expect(inspected(`oci-archive:${file}:1`).Digest).toBe(digest);
    expect(inspected(`oci-archive:${file}`).Digest).toBe(digest);
    const listed = peer('tar', 'tf', file).trim().split('\n');
    expect([listed[0], listed.at(-1), listed.length]).toEqual(['oci-layout', 'index.json', 5]);
    mkdirSync(`${user.work}/unpacked`);
    peer('tar', 'xf', file, '-C', `${user.work}/unpacked`);
    peer('umoci', 'unpack', '--image', `${user.work}/unpacked:1`, `${user.work}/bundle`);
    expect(readTree(`${user.work}/bundle/rootfs`)).toEqual(readTree(`${user.work}/component`));
  });

  it('we read the OCI archive that skopeo writes, with the same digest', async () => {
    const { user, digest } = await published();
    for (const [name, tag] of [
      ['tagged.tar', ':1'],
      ['untagged.tar', ''],
    ]) {
      peer('skopeo', 'copy', '-q', `oci:${user.work}/layout:1`, `oci-archive:${user.work}/${name}${tag}`);
      const copied = await user.json(['copy', `oci-archive:${name}`, `${host(0)}/from/skopeo:${name}`]);
      expect(copied.digest).toBe(digest);
    }
  });

  it('skopeo reads the docker-archive that we write, to the same files', async () => {
    const { user } = await published();
    await user.output(['copy', 'oci:layout:1', 'docker-archive:ours.tar:acme/component:1']);
    const from = `docker-archive:${user.work}/ours.tar:acme/component:1`;
    peer('skopeo', 'copy', '-q', from, `oci:${user.work}/back:1`);
    peer('umoci', 'unpack', '--image', `${user.work}/back:1`, `${user.work}/bundle`);
    expect(readTree(`${user.work}/bundle/rootfs`)).toEqual(readTree(`${user.work}/component`));
  });

  it('we read the docker-archive that skopeo writes, the same every time', async () => {
    const { user } = await published();
    const file = `${user.work}/theirs.tar`;
    peer('skopeo', 'copy', '-q', `oci:${user.work}/layout:1`, `docker-archive:${file}:acme/component:1`);
    expect(peer('tar', 'tvf', file)).toContain('layer.tar -> ../');
    const one = await user.json(['copy', 'docker-archive:theirs.tar:acme/component:1', 'oci:one:1']);
    const two = await user.json(['copy', 'docker-archive:theirs.tar', `${host(0)}/from/docker:1`]);
    expect(two.digest).toBe(one.digest);
    peer('umoci', 'unpack', '--image', `${user.work}/one:1`, `${user.work}/bundle`);
    expect(readTree(`${user.work}/bundle/rootfs`)).toEqual(readTree(`${user.work}/component`));
    const missing = await user.engineshed(['copy', 'docker-archive:theirs.tar:acme/other:1', 'oci:two:1']);
    expect([missing.status, missing.stderr]).toEqual([66, expect.stringContaining('acme/component:1')]);
  });

  it('an index is copied whole, with referrers on request, through a file from one registry to the other', async () => {
    const { user } = await published();
    const [from, to] = [`${host(0)}/acme/index`, `${host(1)}/acme/index`];
    for (const arch of ['amd64', 'arm64']) {
      writeFileSync(`${user.work}/component/${arch}`, arch);
      await user.output(['publish', 'component', `oci:layout:${arch}`]);
      await user.output(['copy', `oci:layout:${arch}`, `${from}:${arch}`]);
    }
    const index = makeIndex(`${user.work}/layout`, ['amd64', 'arm64']);
    await user.output(['copy', 'oci:layout:index', `${from}:index`]);
    writeFileSync(`${user.work}/notes.txt`, 'notes');
    await user.output(['attach', `${from}:index`, 'notes.txt', '--type', 'application/vnd.acme.notes']);
    const file = await user.json(['copy', `${from}:index`, 'oci-archive:index.tar', '--referrers']);
    expect(file).toMatchObject({ digest: index, referrers: 1 });
    const copied = await user.json(['copy', 'oci-archive:index.tar:index', `${to}:index`, '--referrers']);
    expect(copied).toMatchObject({ digest: index, referrers: 1 });
    expect((await user.json(['referrers', `${to}:index`])).referrers).toHaveLength(1);
    const without = await user.json(['copy', `${from}:index`, `${host(1)}/acme/bare:index`]);
    expect(without).toMatchObject({ digest: index, referrers: 0 });
    const one = await user.json(['copy', `${from}:index`, 'oci:arm:1', '--platform', 'linux/arm64']);
    expect(one.digest).not.toBe(index);
    const docker = await user.engineshed(['copy', `${from}:index`, 'docker-archive:one.tar']);
    expect([docker.status, docker.stderr]).toEqual([0, expect.stringContaining('holds one platform')]);
  });
});

/** Adds an index over tagged images to an image layout, and tags it `index`; returns its digest. */
function makeIndex(layout: string, tags: readonly string[]): string {
  const index = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8'));
  const manifests = tags.map((tag) => {
    const { digest, size, mediaType } = index.manifests.find(
      (entry: { annotations?: Record<string, string> }) =>
        entry.annotations?.['org.opencontainers.image.ref.name'] === tag,
    );
    return { mediaType, digest, size, platform: { os: 'linux', architecture: tag } };
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const hex = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes);
  const annotations = { 'org.opencontainers.image.ref.name': 'index' };
  index.manifests.push({ mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes), annotations });
  writeFileSync(`${layout}/index.json`, JSON.stringify(index));
  return `sha256:${hex}`;
}
