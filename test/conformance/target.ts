import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { copy, memoryTarget, type Target } from '../../src/content/index.js';
import {
  buildImage,
  type Descriptor,
  type Digest,
  describe as describeBytes,
  mediaTypes,
} from '../../src/oci/index.js';
import { pushArtifact, referrersOf } from '../support/artifact.js';

/** Every place of images has to behave the same; a registry joins where one runs (see test/interop). */
export function targetConformance(makeTarget: () => Promise<Target> | Target): void {
  it('gives back what was pushed, byte for byte', async () => {
    const target = await makeTarget();
    const bytes = Buffer.from('some content');
    const descriptor = describeBytes('application/octet-stream', bytes);
    expect(await target.exists(descriptor)).toBe(false);
    await target.push(descriptor, () => stream(bytes));
    expect(await target.exists(descriptor)).toBe(true);
    expect(await read(target, descriptor)).toEqual(bytes);
  });

  it('takes the same content twice', async () => {
    const target = await makeTarget();
    const bytes = Buffer.from('twice');
    const descriptor = describeBytes('application/octet-stream', bytes);
    await target.push(descriptor, () => stream(bytes));
    await target.push(descriptor, () => stream(bytes));
    expect(await read(target, descriptor)).toEqual(bytes);
  });

  it('B01 takes nothing that does not match its descriptor', async () => {
    const target = await makeTarget();
    const right = Buffer.from('right');
    const descriptor = describeBytes('application/octet-stream', right);
    await expect(target.push(descriptor, () => stream(Buffer.from('wrong')))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(target.push(descriptor, () => stream(Buffer.from('too long')))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    await expect(target.push(descriptor, () => stream(Buffer.from('shrt')))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    expect(await target.exists(descriptor)).toBe(false);
  });

  it('says what it has not', async () => {
    const target = await makeTarget();
    const missing = describeBytes('application/octet-stream', Buffer.from('missing'));
    await expect(read(target, missing)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
    await expect(target.resolve('missing')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
    await expect(target.resolve(missing.digest)).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it('names manifests by tags that can move, and lists them', async () => {
    const target = await makeTarget();
    const [one, two] = [await image('one'), await image('two')];
    for (const { from, root, tag } of [one, two]) await copy(from, root, target, { tags: [tag, 'newest'] });
    expect(await target.resolve('one')).toMatchObject({
      digest: one.root.digest,
      size: one.root.size,
      mediaType: one.root.mediaType,
    });
    expect(await target.resolve('newest')).toMatchObject({ digest: two.root.digest });
    expect(await target.resolve(one.root.digest)).toMatchObject({
      digest: one.root.digest,
      mediaType: one.root.mediaType,
    });
    const tags: string[] = [];
    for await (const tag of target.tags()) tags.push(tag);
    expect(tags.sort()).toEqual(['newest', 'one', 'two']);
  });

  it('copies on, digest for digest, and sends nothing twice', async () => {
    const target = await makeTarget();
    const { from, root, tag } = await image('one');
    const first = await copy(from, root, target, { tags: [tag] });
    expect(first.presentBytes).toBe(0);
    const back = memoryTarget();
    await copy(target, await target.resolve(tag), back, { tags: ['back'] });
    expect((await back.resolve('back')).digest).toBe(root.digest);
    const again = await copy(from, root, target, { tags: [tag] });
    expect(again.sentBytes).toBe(0);
    expect(again.presentBytes).toBe(first.sentBytes);
  });
}

/** What refers to an image is found from it, in every place. */
export function referrersConformance(makeTarget: () => Promise<Target> | Target): void {
  it('finds what refers to an image, by its type too', async () => {
    const target = await makeTarget();
    const { from, root, tag } = await image('one');
    await copy(from, root, target, { tags: [tag] });
    expect(await referrersOf(target, root)).toEqual([]);
    const bill = await pushArtifact(target, root, 'application/spdx+json', { note: 'first' });
    const plain = await pushArtifact(target, root, undefined);
    const again = await pushArtifact(target, root, 'application/spdx+json', { note: 'first' });
    expect(again.digest).toBe(bill.digest);
    const all = await referrersOf(target, root);
    expect(all.map(({ digest }) => digest).sort()).toEqual([bill.digest, plain.digest].sort());
    expect(all.find(({ digest }) => digest === bill.digest)).toMatchObject({
      ...bill,
      artifactType: 'application/spdx+json',
      annotations: { note: 'first' },
    });
    expect(all.find(({ digest }) => digest === plain.digest)?.artifactType).toBe(
      'application/vnd.oci.empty.v1+json',
    );
    expect((await referrersOf(target, root, 'application/spdx+json')).map(({ digest }) => digest)).toEqual([
      bill.digest,
    ]);
    expect(await referrersOf(target, root, 'application/none')).toEqual([]);
    expect(await referrersOf(target, bill)).toEqual([]);
    const onBill = await pushArtifact(target, bill, 'application/note');
    expect(await referrersOf(target, bill)).toMatchObject([{ digest: onBill.digest }]);
  });

  it('loses none of many that come at once', async () => {
    const target = await makeTarget();
    const { from, root, tag } = await image('one');
    await copy(from, root, target, { tags: [tag] });
    const pushed = await Promise.all(
      Array.from({ length: 8 }, (_, at) => pushArtifact(target, root, 'a/b', { at: String(at) })),
    );
    const found = (await referrersOf(target, root)).map(({ digest }) => digest);
    expect(found.sort()).toEqual(pushed.map(({ digest }) => digest).sort());
  });
}

/** A small image in a place of its own. */
export async function image(tag: string): Promise<{ from: Target; root: Descriptor; tag: string }> {
  const from = memoryTarget();
  const layer = Buffer.from(`layer of ${tag}`);
  const descriptor = describeBytes(mediaTypes.layerTarGzip, layer);
  const diffId = `sha256:${createHash('sha256').update(tag).digest('hex')}` as Digest;
  const built = buildImage({
    layers: [{ descriptor, diffId }],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: {},
    createdBy: 'a test',
  });
  await from.push(descriptor, () => stream(layer));
  for (const { descriptor: part, bytes } of [built.config, built.manifest])
    await from.push(part, () => stream(bytes));
  return { from, root: built.manifest.descriptor, tag };
}

async function stream(bytes: Uint8Array) {
  return (async function* () {
    yield bytes;
  })();
}

async function read(target: Target, descriptor: Descriptor): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await target.fetch(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
