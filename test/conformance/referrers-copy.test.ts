import { describe, expect, it } from 'vitest';
import { copy, memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { type Descriptor, describe as describeBytes, mediaTypes } from '../../src/oci/index.js';
import { image } from './target.js';

const empty = Buffer.from('{}');
const config = describeBytes(mediaTypes.empty, empty);

/** Pushes a manifest of JSON. */
async function push(to: Target, mediaType: string, json: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
  const descriptor = describeBytes(mediaType, bytes);
  await to.push(config, async () => streamOf(empty));
  await to.push(descriptor, async () => streamOf(bytes));
  return descriptor;
}

const artifact = (to: Target, subject: Descriptor, note: string) =>
  push(to, mediaTypes.imageManifest, {
    artifactType: 'application/vnd.acme.note',
    config,
    layers: [config],
    subject,
    annotations: { note },
  });

const list = async (target: Target, subject: Descriptor) => {
  const found: string[] = [];
  for await (const { digest } of target.referrers(subject)) found.push(digest);
  return found.sort();
};

describe('a copy with referrers', () => {
  it('brings what refers to the image, and what refers to that; without, nothing', async () => {
    const { from, root } = await image('one');
    const one = await artifact(from, root, 'one');
    const two = await artifact(from, one, 'two');
    const to = memoryTarget();
    expect((await copy(from, root, to, { tags: [] })).referrers).toBe(0);
    expect(await list(to, root)).toEqual([]);
    expect((await copy(from, root, to, { tags: [], referrers: 'bring' })).referrers).toBe(2);
    expect([await list(to, root), await list(to, one)]).toEqual([[one.digest], [two.digest]]);
  });

  it('ends where an index refers to one of its own images', async () => {
    const { from, root } = await image('one');
    const index = await push(from, mediaTypes.imageIndex, { manifests: [root], subject: root });
    const to = memoryTarget();
    const result = await copy(from, index, to, { tags: [], referrers: 'bring' });
    expect(result.referrers).toBe(0);
    expect(await list(to, root)).toEqual([index.digest]);
    expect((await copy(from, root, memoryTarget(), { tags: [], referrers: 'bring' })).referrers).toBe(1);
  });

  it('does not believe a list: what has another subject stays', async () => {
    const { from, root } = await image('one');
    const other = await image('two');
    for (const blob of [other.root]) {
      await from.push(blob, () => other.from.fetch(blob));
    }
    const foreign = await artifact(from, other.root, 'foreign');
    const lying: Target = {
      ...from,
      async *referrers() {
        yield foreign;
      },
    };
    const result = await copy(lying, root, memoryTarget(), { tags: [], referrers: 'bring' });
    expect(result.referrers).toBe(0);
  });

  it('F03 is bounded', async () => {
    const { from, root } = await image('one');
    const note = await artifact(from, root, 'note');
    const endless: Target = {
      ...from,
      async *referrers() {
        for (;;) yield note;
      },
    };
    const copied = copy(endless, root, memoryTarget(), { tags: [], referrers: 'bring' });
    await expect(copied).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('B08 so is what an index leads to', async () => {
    const { from, root } = await image('one');
    let at = root;
    for (let depth = 0; depth <= 1000; depth++)
      at = await push(from, mediaTypes.imageIndex, { manifests: [at] });
    await expect(copy(from, at, memoryTarget(), { tags: [] })).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
    });
  });
});
