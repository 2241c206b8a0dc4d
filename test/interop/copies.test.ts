import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/index.js';
import { newUser, type User } from '../acceptance/cli.js';
import { peersMissing, runPeer } from '../support/peers.js';
import { clients, digestOfLayout, regctl } from './clients.js';
import { type RunningRegistry, registryKinds } from './registries.js';

const programs = [...registryKinds.flatMap((kind) => kind.programs), ...clients.map(({ name }) => name)];
const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x'] as const;

describe.skipIf(peersMissing(...programs))('an index of ours', () => {
  let directory: string;
  const running: RunningRegistry[] = [];
  beforeAll(async () => {
    directory = mkdtempSync(`${tmpdir()}/engineshed-copies-`);
    for (const kind of registryKinds) {
      mkdirSync(`${directory}/${kind.name}`);
      running.push(await kind.start(`${directory}/${kind.name}`));
    }
  });
  afterAll(async () => {
    await Promise.all(running.map((registry) => registry.close()));
    await removeTree(directory);
  });

  it('is read by others as it is by us, platform for platform', async () => {
    const user = newUser();
    for (const { host } of running) {
      const reference = `${host}/platforms/index:1`;
      const images = await publishIndex(user, reference);
      for (const [platform, digest] of Object.entries(images)) {
        const [os = '', architecture = ''] = platform.split('/');
        const layout = `${user.work}/${host.replace(':', '-')}-${architecture}`;
        await runPeer('skopeo', [
          ...['--override-os', os, '--override-arch', architecture, 'copy', '--src-tls-verify=false'],
          ...[`docker://${reference}`, `oci:${layout}`],
        ]);
        const seen = {
          skopeo: digestOfLayout(layout),
          crane: await runPeer('crane', ['digest', '--platform', platform, reference]),
          oras: await runPeer('oras', ['resolve', '--plain-http', '--platform', platform, reference]),
          regctl: await regctl(reference, 'image', 'digest', '--platform', platform, reference),
        };
        for (const [name, text] of Object.entries(seen))
          expect([platform, name, text.trim()]).toEqual([platform, name, digest]);
      }
    }
  });

  it('is copied from registry to registry, with what refers to it, and stays what it is', async () => {
    const user = newUser();
    const [first = '', ...others] = running.map(
      ({ host }) => `${host}/copied/from-${host.replace(/.*:/, '')}`,
    );
    await publishIndex(user, `${first}:1`);
    writeFileSync(`${user.work}/notes.txt`, 'notes');
    await user.output(['attach', '--type', 'application/x.notes', `${first}:1`, 'notes.txt:text/plain']);
    const digest = (await runPeer('crane', ['digest', `${first}:1`])).trim();
    const attached = await referrers(`${first}:1`);
    expect(attached).toHaveLength(1);
    let from = `${first}:1`;
    for (const to of [...others, `${first}-and-back`].map((repository) => `${repository}:1`)) {
      await user.output(['copy', '--referrers', from, to]);
      expect((await runPeer('crane', ['digest', to])).trim()).toBe(digest);
      await runPeer('crane', ['validate', '--remote', to]);
      expect(await referrers(to)).toEqual(attached);
      from = to;
    }
  });
});

/** Publishes an index over an image for each platform; the images' digests by platform. */
async function publishIndex(user: User, reference: string): Promise<Record<string, string>> {
  const images: Record<string, string> = {};
  const parts: string[] = [];
  for (const platform of platforms) {
    const part = `${reference}-${platform.replaceAll('/', '-')}`;
    mkdirSync(`${user.work}/${platform}/content`, { recursive: true });
    writeFileSync(`${user.work}/${platform}/content/platform`, platform);
    const { digest } = await user.json(['publish', '--platform', platform, `${platform}/content`, part]);
    images[platform] = digest;
    parts.push(part);
  }
  await user.output(['index', reference, ...parts]);
  return images;
}

/** The digests of what refers to an image, as regctl sees them. */
async function referrers(reference: string): Promise<string[]> {
  const list = await regctl(reference, 'artifact', 'list', reference, '--format', '{{json .Descriptors}}');
  return (JSON.parse(list) as { digest: string }[] | null)?.map(({ digest }) => digest) ?? [];
}
