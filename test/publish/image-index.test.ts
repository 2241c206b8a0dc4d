import { expect, it } from 'vitest';
import { copy, memoryTarget, readImage, streamOf, type Target } from '../../src/content/index.js';
import {
  buildImage,
  type Descriptor,
  describe,
  digestOf,
  mediaTypes,
  nodePlatform,
  parsePlatform,
} from '../../src/oci/index.js';
import { publishIndex } from '../../src/publish/index.js';
import { recorder, scripted, target } from '../support/registry-client.js';

/** A small image for a platform, in a place of its own. */
async function imageFor(platform: string, annotations: Record<string, string> = {}) {
  const from = memoryTarget();
  const layer = Buffer.from(`files for ${platform}`);
  const built = buildImage({
    layers: [{ descriptor: describe(mediaTypes.layerTar, layer), diffId: digestOf(layer) }],
    platform: parsePlatform(platform),
    annotations: { version: '1', ...annotations },
    createdBy: 'a test',
  });
  await from.push(describe(mediaTypes.layerTar, layer), async () => streamOf(layer));
  for (const { descriptor, bytes } of [built.config, built.manifest])
    await from.push(descriptor, async () => streamOf(bytes));
  return { label: platform, target: from as Target, descriptor: built.manifest.descriptor as Descriptor };
}

const more = { tags: ['edge'], annotations: {}, report: recorder().report };

it('makes one index over images from several places, from which each platform gets its own', async () => {
  const platforms = ['linux/amd64', 'windows/amd64', 'darwin/arm64'];
  const sources = await Promise.all(platforms.map((platform) => imageFor(platform)));
  const to = target(await scripted());
  const { index, images } = await publishIndex(to, { sources, ...more });
  expect((await to.resolve('edge')).digest).toBe(index.digest);
  expect(images.map(({ platform }) => platform)).toEqual([
    { os: 'darwin', architecture: 'arm64' },
    { os: 'linux', architecture: 'amd64' },
    { os: 'windows', architecture: 'amd64' },
  ]);
  const machines = [
    ['linux', 'x64', 0],
    ['win32', 'x64', 1],
    ['darwin', 'arm64', 2],
  ] as const;
  for (const [system, machine, at] of machines) {
    const image = await readImage(to, index, nodePlatform(system, machine));
    expect(image.descriptor.digest).toBe(sources[at]?.descriptor.digest);
    expect([...image.offered].sort()).toEqual([...platforms].sort());
  }
});

it('is the same for the same images, in any order, and has the annotations on which they agree', async () => {
  const sources = [
    await imageFor('linux/amd64', { revision: 'abc' }),
    await imageFor('linux/arm/v6', { revision: 'def' }),
  ];
  const one = await publishIndex(memoryTarget(), { sources, ...more });
  const two = await publishIndex(memoryTarget(), { sources: [...sources].reverse(), ...more });
  expect(two.index.digest).toBe(one.index.digest);
  expect(one.annotations).toEqual({ version: '1' });
  const said = await publishIndex(memoryTarget(), {
    sources,
    ...more,
    annotations: { version: '2', a: 'b' },
  });
  expect(said.annotations).toEqual({ version: '2', a: 'b' });
});

it('sends nothing that is there, and tags last', async () => {
  const sources = [await imageFor('linux/amd64'), await imageFor('darwin/arm64')];
  const registry = await scripted();
  const to = target(registry);
  for (const { target: from, descriptor } of sources) await copy(from, descriptor, to, { tags: [] });
  const before = registry.log.length;
  const there = sources.map((source) => ({ ...source, target: to }));
  await publishIndex(to, { sources: there, ...more });
  const writes = registry.log.slice(before).filter((line) => !/^(GET|HEAD) /.test(line));
  expect(writes).toHaveLength(2);
  expect(writes.at(-1)).toMatch(/PUT .*\/manifests\/edge$/);
});

it('takes the images of an index that a build tool made, without what it attests', async () => {
  const linux = await imageFor('linux/amd64');
  const { target: from, descriptor } = linux;
  const attestation = {
    ...descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.imageIndex,
      manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'amd64' } }, attestation],
    }),
  );
  const built = describe(mediaTypes.imageIndex, bytes);
  await from.push(built, async () => streamOf(bytes));
  const sources = [{ label: 'built', target: from, descriptor: built }, await imageFor('darwin/arm64')];
  const { images } = await publishIndex(memoryTarget(), { sources, ...more });
  expect(images.map(({ platform }) => platform?.os)).toEqual(['darwin', 'linux']);
});

it('refuses two images for one platform, before it sends anything', async () => {
  const registry = await scripted();
  const sources = [await imageFor('linux/arm64'), await imageFor('linux/arm64/v8', { other: 'x' })];
  await expect(publishIndex(target(registry), { sources, ...more })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('both for linux/arm64'),
  });
  expect(registry.log).toEqual([]);
});
