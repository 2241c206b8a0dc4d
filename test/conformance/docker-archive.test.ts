import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { copy, memoryTarget, openArchive } from '../../src/content/index.js';
import * as tar from '../support/tar-archive.js';
import { temporaryDirectory } from '../support/temporary.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const layer = tar.archive(tar.file('hello', 'hello'));
const config = (...layers: Buffer[]) =>
  Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((bytes) => `sha256:${sha256(bytes)}`) },
    }),
  );
const manifest = (...images: object[]) => tar.file('manifest.json', JSON.stringify(images));
const image = (Layers: string[], RepoTags: string[] = ['acme/x:1'], Config = 'config.json') => ({
  Config,
  RepoTags,
  Layers,
});

const opened = (...parts: Buffer[]) => {
  const path = `${temporaryDirectory()}/images.tar`;
  writeFileSync(path, tar.archive(...parts));
  return openArchive('docker-archive', path, 'docker-archive:images.tar');
};

describe('a classic docker-archive', () => {
  it('of old, with layers that are symbolic links to those of other images, is read', async () => {
    const archive = opened(
      tar.directory('one/'),
      tar.file('one/layer.tar', layer),
      tar.directory('two/'),
      tar.symlink('two/layer.tar', '../one/layer.tar'),
      tar.file('config.json', config(layer, layer)),
      manifest(image(['one/layer.tar', 'two/layer.tar'], ['x:1', 'docker.io/acme/x:1'])),
    );
    const found = await archive.resolve('docker.io/library/x:1');
    expect(await archive.resolve('docker.io/acme/x:1')).toEqual(found);
    const result = await copy(archive, found, memoryTarget(), { tags: [] });
    expect(result.sentBytes).toBeGreaterThan(layer.length);
    expect(result.sentBytes).toBeLessThan(2 * layer.length);
  });

  it('keeps a compressed layer as it is', async () => {
    const packed = gzipSync(layer);
    const archive = opened(
      tar.file('l.tar', packed),
      tar.file('config.json', config(layer)),
      manifest(image(['l.tar'])),
    );
    const to = memoryTarget();
    await copy(archive, await archive.resolve('docker.io/acme/x:1'), to, { tags: [] });
    const digest = `sha256:${sha256(packed)}` as never;
    expect(await to.exists({ mediaType: 'x/y', digest, size: packed.length })).toBe(true);
  });

  it('B13 a layer that is not what the config says is refused', async () => {
    const archive = opened(
      tar.file('l.tar', tar.archive(tar.file('other', 'other'))),
      tar.file('config.json', config(layer)),
      manifest(image(['l.tar'])),
    );
    const found = await archive.resolve('docker.io/acme/x:1');
    await expect(copy(archive, found, memoryTarget(), { tags: [] })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  const file = Buffer.concat([tar.file('config.json', config(layer)), tar.file('etc/passwd', layer)]);
  it.each([
    [
      'A04 a link that leads out',
      [tar.symlink('l.tar', '../../etc/passwd'), file, manifest(image(['l.tar']))],
    ],
    ['A04 an absolute link', [tar.symlink('l.tar', '/etc/passwd'), file, manifest(image(['l.tar']))]],
    ['A07 a loop of links', [tar.symlink('l.tar', 'l.tar'), file, manifest(image(['l.tar']))]],
    ['a layer that is missing', [file, manifest(image(['../l.tar']))]],
    ['a config that is missing', [tar.file('l.tar', layer), manifest(image(['l.tar']))]],
    ['more layers than the config names', [tar.file('l', layer), file, manifest(image(['l', 'l']))]],
    ['no manifest.json', [file]],
    ['a manifest.json of something else', [tar.file('manifest.json', '{"a":1}')]],
  ])('%s is refused', async (_, parts) => {
    await expect(opened(...parts).resolve('docker.io/acme/x:1')).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
  });
});
