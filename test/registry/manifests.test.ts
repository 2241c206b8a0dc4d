import { describe, expect, it } from 'vitest';
import { maxManifestBytes, mediaTypes } from '../../src/oci/index.js';
import { descriptorOf, manifestBytes, opens, read, scripted, target } from '../support/registry-client.js';
import { answering, isHead, manifest, other, withManifest } from './manifests.js';

const type = mediaTypes.imageManifest;

describe('manifests', () => {
  it('B02 are not read beyond 4 MiB', async () => {
    const registry = await scripted();
    let written = 0;
    registry.script((request, response) => {
      if (isHead(request)) {
        response.writeHead(405).end();
        return 'handled';
      }
      response.writeHead(200, { 'content-type': type });
      const chunk = Buffer.alloc(256 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && written < 256) {
          written++;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', more);
      more();
      return 'handled';
    });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({ code: 'MANIFEST_TOO_LARGE' });
    expect(written).toBeLessThan(128);
    const huge = { ...manifest, size: maxManifestBytes + 1 };
    const before = registry.requests.length;
    await expect(target(registry).fetch(huge)).rejects.toMatchObject({ code: 'MANIFEST_TOO_LARGE' });
    await expect(target(registry).push(huge, opens(manifestBytes))).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
    expect(registry.requests).toHaveLength(before);
  });

  it('B02 a length over 4 MiB is refused when it is told', async () => {
    const registry = await withManifest();
    registry.scriptTimes(9, isHead, (_request, response) => {
      response.writeHead(200, {
        'content-type': type,
        'content-length': maxManifestBytes + 1,
        'docker-content-digest': manifest.digest,
      });
      response.end();
    });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({ code: 'MANIFEST_TOO_LARGE' });
  });

  it('B03 a manifest that comes as another kind than it was resolved as is refused', async () => {
    const registry = await withManifest();
    answering(registry, manifestBytes, { 'content-type': mediaTypes.imageIndex });
    await expect(target(registry).fetch(manifest)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('B01 are verified', async () => {
    const registry = await withManifest();
    answering(registry, Buffer.alloc(manifest.size, ' '), { 'content-type': type });
    await expect(read(target(registry), manifest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('are tagged with the bytes that were pushed, or else with those that are there', async () => {
    const registry = await scripted();
    registry.contents.addBlob(Buffer.from('{}'));
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    await repository.tag(manifest, 'one');
    expect(registry.log).toEqual([
      `PUT /v2/acme/engine/manifests/${manifest.digest}`,
      'PUT /v2/acme/engine/manifests/one',
      'HEAD /v2/acme/engine/manifests/one',
    ]);
    expect(registry.requests.map(({ headers }) => headers['content-type'])).toEqual([type, type, undefined]);
    await target(registry).tag(manifest, 'two');
    expect(registry.contents.repository('acme/engine').tags.get('two')).toBe(manifest.digest);
    expect(await repository.exists(manifest)).toBe(true);
    await expect(target(registry).tag(descriptorOf(Buffer.from('{}'), type), 'x')).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    });
  });

  it('B01 are verified before they are pushed, too', async () => {
    const registry = await scripted();
    registry.contents.addBlob(Buffer.from('{}'));
    const spoilt = Buffer.from(manifestBytes.toString().replace('"schemaVersion":2', '"schemaVersion":1'));
    await expect(target(registry).push(manifest, opens(spoilt))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(registry.requests).toEqual([]);
  });

  it('B01 are of the size that was asked for, also where they went through here before', async () => {
    const registry = await scripted();
    registry.contents.addBlob(Buffer.from('{}'));
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    expect(await read(repository, manifest)).toEqual(manifestBytes);
    for (const size of [manifest.size - 1, manifest.size + 1])
      await expect(read(repository, { ...manifest, size })).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('C12 are not pushed where a web page takes them', async () => {
    const registry = await scripted();
    registry.contents.addBlob(Buffer.from('{}'));
    registry.script(async (request, response) => {
      if (request.method !== 'PUT') return undefined;
      await request.body();
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
      return 'handled';
    });
    await expect(target(registry).push(manifest, opens(manifestBytes))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('a web page instead of the push of'),
    });
  });

  it('C11 a push that the registry takes for another digest is an error', async () => {
    const registry = await scripted();
    registry.script(async (request, response) => {
      await request.body();
      response.writeHead(201, { 'docker-content-digest': other() }).end();
      return 'handled' as const;
    });
    await expect(target(registry).push(manifest, opens(manifestBytes))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});
