import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copy, createLayout, memoryTarget, openLayout, streamOf } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { describe as describeBytes, mediaTypes } from '../../src/oci/index.js';
import { noReferrers } from '../../src/testing/index.js';
import { artifact, pushArtifact, referrersOf } from '../support/artifact.js';
import { scripted, target } from '../support/registry-client.js';
import { temporaryDirectory } from '../support/temporary.js';
import { image, referrersConformance, targetConformance } from './target.js';

const owner = ownerOf(process.pid);

describe('the memory target', () => {
  targetConformance(() => memoryTarget());
  referrersConformance(() => memoryTarget());
});
describe('the OCI image layout', () => {
  const layout = () => createLayout(`${temporaryDirectory()}/images`, owner);
  targetConformance(layout);
  referrersConformance(layout);
});
describe('a registry with the referrers API', () => {
  const repository = async () => target(await scripted());
  targetConformance(repository);
  referrersConformance(repository);
});
describe('a registry without the referrers API', () =>
  referrersConformance(async () => {
    const registry = await scripted();
    registry.script(noReferrers());
    return target(registry);
  }));

describe('an OCI image layout', () => {
  it('is what the image specification says', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const { from, root, tag } = await image('one');
    await copy(from, root, createLayout(directory, owner), { tags: [tag] });
    expect(JSON.parse(readFileSync(`${directory}/oci-layout`, 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    const index = JSON.parse(readFileSync(`${directory}/index.json`, 'utf8'));
    expect(index).toMatchObject({
      schemaVersion: 2,
      manifests: [{ digest: root.digest, annotations: { 'org.opencontainers.image.ref.name': 'one' } }],
    });
    expect(readdirSync(`${directory}/blobs/sha256`)).toHaveLength(3);
    expect(readdirSync(directory).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('keeps every tag when several writers tag at once', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const images = await Promise.all(Array.from({ length: 12 }, (_, at) => image(`tag-${at}`)));
    await Promise.all(
      images.map(({ from, root, tag }) => copy(from, root, createLayout(directory, owner), { tags: [tag] })),
    );
    const tags: string[] = [];
    for await (const tag of openLayout(directory, owner).tags()) tags.push(tag);
    expect(tags).toHaveLength(12);
  });

  it('keeps what refers to an image when its tag moves on', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const { from, root, tag } = await image('one');
    const layout = createLayout(directory, owner);
    await copy(from, root, layout, { tags: [tag] });
    const note = await pushArtifact(layout, root, 'a/note', {
      'org.opencontainers.image.ref.name': 'not a tag',
    });
    await layout.tag(note, 'note');
    await layout.tag(root, 'note');
    expect(await referrersOf(openLayout(directory, owner), root)).toMatchObject([{ digest: note.digest }]);
    const { manifests } = JSON.parse(readFileSync(`${directory}/index.json`, 'utf8'));
    expect(manifests.find(({ digest }: { digest: string }) => digest === note.digest)).toEqual({
      mediaType: note.mediaType,
      digest: note.digest,
      size: note.size,
      artifactType: 'a/note',
    });
  });

  it('is read with the list of referrers that other tools keep in it', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const { from, root, tag } = await image('one');
    const layout = createLayout(directory, owner);
    await copy(from, root, layout, { tags: [tag] });
    const other = artifact(root, 'a/note').descriptor;
    const list = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.imageIndex,
        manifests: [{ ...other, artifactType: 'a/note' }],
      }),
    );
    const descriptor = describeBytes(mediaTypes.imageIndex, list);
    await layout.push(descriptor, async () => streamOf(list));
    await layout.tag(descriptor, root.digest.replace(':', '-'));
    expect(await referrersOf(layout, root, 'a/note')).toMatchObject([{ digest: other.digest }]);
  });

  it('is not made in a directory of something else', () => {
    const directory = temporaryDirectory();
    writeFileSync(`${directory}/precious`, 'x');
    expect(() => createLayout(directory, owner)).toThrow(/not empty/);
    expect(readdirSync(directory)).toEqual(['precious']);
  });

  it('says what is wrong with a directory that is none', () => {
    const directory = temporaryDirectory();
    expect(() => openLayout(`${directory}/missing`, owner)).toThrow(/no OCI image layout/);
    expect(() => openLayout(directory, owner)).toThrow(/no file "oci-layout"/);
    writeFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"9.0.0"}');
    expect(() => openLayout(directory, owner)).toThrow(/version "9.0.0"/);
    writeFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
    mkdirSync(`${directory}/blobs/sha256`, { recursive: true });
    writeFileSync(`${directory}/index.json`, '{"schemaVersion":2,"manifests":[{"mediaType":"x"}]}');
    return expect(openLayout(directory, owner).resolve('x')).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
    });
  });

  it('B01 says that a blob was damaged', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const { from, root, tag } = await image('one');
    const layout = createLayout(directory, owner);
    await copy(from, root, layout, { tags: [tag] });
    const file = `${directory}/blobs/${root.digest.replace(':', '/')}`;
    const bytes = readFileSync(file);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await expect(copy(layout, root, memoryTarget(), { tags: [] })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('does not wait for pipes and devices, and does not read what is no file', async () => {
    const directory = `${temporaryDirectory()}/images`;
    const { from, root, tag } = await image('one');
    await copy(from, root, createLayout(directory, owner), { tags: [tag] });
    const blob = `${directory}/blobs/${root.digest.replace(':', '/')}`;
    const original = readFileSync(blob);
    for (const plant of [
      () => execFileSync('mkfifo', [blob]),
      () => symlinkSync('/dev/zero', blob),
      () => mkdirSync(blob),
    ]) {
      rmSync(blob, { recursive: true });
      plant();
      const layout = openLayout(directory, owner);
      expect(await layout.exists({ ...root, size: statSync(blob).size })).toBe(false);
      for (const attempt of [
        () => copy(layout, root, memoryTarget(), { tags: [] }),
        () => referrersOf(layout, root),
      ])
        await expect(attempt()).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    }
    rmSync(blob, { recursive: true });
    writeFileSync(blob, original);
    for (const name of ['index.json', 'oci-layout']) {
      const file = `${directory}/${name}`;
      const content = readFileSync(file);
      for (const plant of [
        () => execFileSync('mkfifo', [file]),
        () => symlinkSync('/dev/zero', file),
        () => writeFileSync(file, Buffer.alloc(4 * 1024 * 1024 + 1, ' ')),
      ]) {
        rmSync(file);
        plant();
        const attempt = async () => openLayout(directory, owner).resolve(tag);
        await expect(attempt()).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
      }
      rmSync(file);
      writeFileSync(file, content);
    }
    expect(await openLayout(directory, owner).resolve(tag)).toMatchObject({ digest: root.digest });
  });
});
