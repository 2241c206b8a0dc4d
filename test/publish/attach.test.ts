import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { copy, createLayout, memoryTarget } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { attach } from '../../src/publish/index.js';
import { image } from '../conformance/target.js';
import { referrersOf } from '../support/artifact.js';
import { read, recorder, scripted, target } from '../support/registry-client.js';
import { temporaryDirectory } from '../support/temporary.js';

async function situation() {
  const directory = temporaryDirectory();
  const { from, root, tag } = await image('one');
  writeFileSync(`${directory}/bill.json`, '{"bill":1}');
  const file = { path: `${directory}/bill.json`, title: 'bill.json', mediaType: 'application/spdx+json' };
  const inputs = {
    subject: root,
    artifactType: 'application/spdx+json',
    files: [file],
    annotations: { b: '2', a: '1' },
    report: recorder().report,
  };
  return { directory, from, root, tag, inputs };
}

it('attaches files that are found from the image, byte for byte', async () => {
  const { from, root, tag, inputs, directory } = await situation();
  const layout = createLayout(`${directory}/images`, ownerOf(process.pid));
  for (const to of [memoryTarget(), layout, target(await scripted())]) {
    await copy(from, root, to, { tags: [tag] });
    const { manifest, layers } = await attach(to, inputs);
    expect(await referrersOf(to, root, 'application/spdx+json')).toMatchObject([
      { digest: manifest.digest, annotations: { a: '1', b: '2' } },
    ]);
    const written = JSON.parse((await read(to, manifest)).toString());
    expect(written).toMatchObject({
      artifactType: 'application/spdx+json',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', data: 'e30=' },
      layers: [
        {
          mediaType: 'application/spdx+json',
          annotations: { 'org.opencontainers.image.title': 'bill.json' },
        },
      ],
      subject: { digest: root.digest },
    });
    expect((await read(to, layers[0] as never)).toString()).toBe('{"bill":1}');
  }
});

it('gives the same manifest for the same files', async () => {
  const { inputs } = await situation();
  const one = await attach(memoryTarget(), inputs);
  const two = await attach(memoryTarget(), { ...inputs, annotations: { a: '1', b: '2' } });
  expect(two.manifest.digest).toBe(one.manifest.digest);
});

it('refuses what is no file, and a file that changes while it is pushed', async () => {
  const { directory, inputs } = await situation();
  const other = (path: string) => ({ ...inputs, files: [{ path, title: 'x', mediaType: 'a/b' }] });
  await expect(attach(memoryTarget(), other(directory))).rejects.toMatchObject({
    code: 'CONTENT_UNPUBLISHABLE',
  });
  await expect(attach(memoryTarget(), other(`${directory}/missing`))).rejects.toMatchObject({
    code: 'PATH_NOT_FOUND',
  });
  const memory = memoryTarget();
  const changing = {
    ...memory,
    exists: async () => {
      writeFileSync(inputs.files[0]?.path ?? '', '{"bill":2}');
      return false;
    },
  };
  await expect(attach(changing, inputs)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});
