import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copy, createLayout, memoryTarget, openLayout } from '../../src/content/index.js';
import { ownerOf } from '../../src/files/index.js';
import { temporaryDirectory } from '../support/temporary.js';
import { image, targetConformance } from './target.js';

const owner = ownerOf(process.pid);

describe('the memory target', () => targetConformance(() => memoryTarget()));
describe('the OCI image layout', () =>
  targetConformance(() => createLayout(`${temporaryDirectory()}/images`, owner)));

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
});
