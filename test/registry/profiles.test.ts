import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { copy, memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { buildImage, type Descriptor, type Digest, digestOf, mediaTypes } from '../../src/oci/index.js';
import { client, logins, read, recorder, reference, scripted, tagsOf } from '../support/registry-client.js';
import { account, asStorage, type Profile, profiles } from '../support/registry-profiles.js';

/** An image in memory, with a layer of some size. */
async function image(
  size: number,
): Promise<{ from: Target; root: Descriptor; layer: Descriptor; bytes: Buffer }> {
  const bytes = randomBytes(size);
  const layer = { mediaType: mediaTypes.layerTarGzip, digest: digestOf(bytes), size };
  const built = buildImage({
    layers: [{ descriptor: layer, diffId: digestOf(bytes) as Digest }],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: {},
    createdBy: 'a test',
  });
  const from = memoryTarget();
  await from.push(layer, async () => streamOf(bytes));
  for (const part of [built.config, built.manifest])
    await from.push(part.descriptor, async () => streamOf(part.bytes));
  return { from, root: built.manifest.descriptor, layer, bytes };
}

/** A registry of a sort, and a client with a login to it. */
async function start(profile: Profile) {
  const registry = await scripted();
  const storage = await scripted();
  asStorage(storage);
  profile.apply(registry, storage);
  const credentials = logins({ [registry.host]: `${account.username}:${account.password}` });
  const registries = client({ credentials });
  const repository = (name: string) => registries.repository(reference(registry.host, name));
  return { registry, storage, repository };
}

describe.each(profiles)('a registry like $name', (profile) => {
  it('takes an image, and the same again without its content', async () => {
    const { registry, repository } = await start(profile);
    const { from, root, layer } = await image(300_000);
    await copy(from, root, repository('acme/engine'), { tags: ['edge', 'v1'] });
    expect(registry.contents.repository('acme/engine').tags.get('edge')).toBe(root.digest);
    expect(registry.contents.blobs.get(layer.digest)?.byteLength).toBe(layer.size);
    const again = await copy(from, root, repository('acme/engine'), { tags: ['edge'] });
    expect(again.sentBytes).toBe(0);
  });

  it('gives it back, bit by bit', async () => {
    const { repository } = await start(profile);
    const { from, root, layer, bytes } = await image(300_000);
    await copy(from, root, repository('acme/engine'), { tags: ['edge'] });
    const fresh = (await start(profile)).repository('acme/engine');
    await expect(fresh.resolve('edge')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
    const target = repository('acme/engine');
    expect(await target.resolve('edge')).toMatchObject({ digest: root.digest });
    expect((await read(target, layer)).equals(bytes)).toBe(true);
    expect((await read(target, root)).byteLength).toBe(root.size);
  });

  it('lets an image go to another of its repositories', async () => {
    const { registry, repository } = await start(profile);
    const { from, root } = await image(100_000);
    await copy(from, root, repository('acme/engine'), { tags: [] });
    await copy(repository('acme/engine'), root, repository('acme/release'), { tags: ['1.0.0'] });
    expect(registry.contents.repository('acme/release').tags.get('1.0.0')).toBe(root.digest);
  });

  it('lists its tags', async () => {
    const { repository, registry } = await start(profile);
    const { from, root } = await image(100);
    const target = repository('acme/engine');
    await copy(from, root, target, { tags: ['edge'] });
    for (let at = 0; at < 2500; at++)
      registry.contents.repository('acme/engine').tags.set(`b${at}`, root.digest);
    expect(new Set(await tagsOf(target)).size).toBe(2501);
  });

  it('C07 takes a large layer although the connection is lost on the way', async () => {
    const { registry, repository } = await start(profile);
    const { from, root, layer } = await image(9_000_000);
    registry.scriptTimes(
      1,
      ({ method }) => method === 'PUT',
      async (_, response) => void setTimeout(() => response.destroy(), 20),
    );
    const { report } = recorder();
    await copy(from, root, repository('acme/engine'), { tags: ['edge'], report });
    expect(registry.contents.blobs.get(layer.digest)?.byteLength).toBe(layer.size);
    expect(registry.contents.repository('acme/engine').tags.get('edge')).toBe(root.digest);
  });
});

describe.each(profiles.filter(({ immutableTags }) => immutableTags))('a registry like $name', (profile) => {
  it('C15 keeps a tag that is there, but for the same image', async () => {
    const { repository } = await start(profile);
    const one = await image(100);
    const other = await image(200);
    const target = repository('acme/engine');
    await copy(one.from, one.root, target, { tags: ['1.0.0'] });
    await copy(one.from, one.root, target, { tags: ['1.0.0'] });
    await expect(copy(other.from, other.root, target, { tags: ['1.0.0'] })).rejects.toMatchObject({
      code: 'TAG_IMMUTABLE',
    });
  });
});
