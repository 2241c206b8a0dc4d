import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Digest, mediaTypes } from '../../src/oci/index.js';
import { manifestBytes, read, scripted, target } from '../support/registry-client.js';
import { answering, isHead, manifest, other, withManifest } from './manifests.js';

const type = mediaTypes.imageManifest;

describe('resolving', () => {
  it('asks once', async () => {
    const registry = await withManifest();
    expect(await target(registry).resolve('one')).toEqual(manifest);
    expect(registry.log).toEqual(['HEAD /v2/acme/engine/manifests/one']);
    expect(registry.requests[0]?.headers.accept).toContain(mediaTypes.imageIndex);
  });

  it('takes a digest too', async () => {
    const registry = await withManifest();
    expect(await target(registry).resolve(manifest.digest)).toEqual(manifest);
  });

  it.each(['no tag!', '', '../x', 'sha256:abc', '-x', 'a'.repeat(129)])(
    'D01 does not ask for %j, which is no tag',
    async (wanted) => {
      const registry = await withManifest();
      await expect(target(registry).resolve(wanted)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' });
      await expect(target(registry).tag(manifest, wanted)).rejects.toMatchObject({
        code: 'REFERENCE_INVALID',
      });
      expect(registry.requests).toEqual([]);
    },
  );

  it('says what is not there', async () => {
    const registry = await withManifest();
    await expect(target(registry).resolve('two')).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
      message: expect.stringContaining(`${registry.host}/acme/engine:two`),
      hint: expect.any(String),
    });
  });

  it.each([
    ['no digest', { 'content-type': type, 'content-length': manifest.size }],
    ['no length', { 'content-type': type, 'docker-content-digest': manifest.digest }],
    [
      'no useful type',
      { 'content-type': 'application/json', 'content-length': 1, 'docker-content-digest': manifest.digest },
    ],
    [
      'a digest that is none',
      { 'content-type': type, 'content-length': 1, 'docker-content-digest': 'sha256:abc' },
    ],
  ])(
    'C11 computes what a HEAD with %s does not say, and does not ask a third time',
    async (_what, headers) => {
      const registry = await withManifest();
      registry.script((request, response) => {
        if (!isHead(request)) return undefined;
        response.writeHead(200, headers).end();
        return 'handled';
      });
      const repository = target(registry);
      expect(await repository.resolve('one')).toEqual(manifest);
      expect(await read(repository, manifest)).toEqual(manifestBytes);
      expect(registry.requests).toHaveLength(2);
    },
  );

  it('C11 does without HEAD', async () => {
    for (const status of [405, 501]) {
      const registry = await withManifest();
      registry.scriptTimes(9, isHead, (_request, response) => void response.writeHead(status).end());
      expect(await target(registry).resolve('one')).toEqual(manifest);
    }
  });

  it('C11 a lie of the header is an error', async () => {
    const registry = await withManifest();
    registry.scriptTimes(9, isHead, (_request, response) => void response.writeHead(405).end());
    answering(registry, manifestBytes, { 'content-type': type, 'docker-content-digest': other() });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      details: { expected: manifest.digest, actual: other() },
    });
  });

  it('C11 a HEAD that names another digest than was asked for is an error; one for a tag is found by the fetch', async () => {
    const registry = await withManifest();
    registry.script((request, response) => {
      if (!isHead(request)) return undefined;
      const headers = {
        'content-type': type,
        'content-length': manifest.size,
        'docker-content-digest': other(),
      };
      response.writeHead(200, headers).end();
      return 'handled';
    });
    const repository = target(registry);
    await expect(repository.resolve(manifest.digest)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const lied = await repository.resolve('one');
    await expect(read(repository, lied)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' });
  });

  it('B07 knows sha512', async () => {
    const registry = await withManifest();
    const digest = `sha512:${createHash('sha512').update(manifestBytes).digest('hex')}` as Digest;
    registry.contents
      .repository('acme/engine')
      .manifests.set(digest, { mediaType: type, bytes: manifestBytes });
    registry.contents.repository('acme/engine').tags.set('long', digest);
    const repository = target(registry);
    const resolved = await repository.resolve('long');
    expect(resolved).toEqual({ ...manifest, digest });
    expect(await read(repository, resolved)).toEqual(manifestBytes);
  });

  it('B05 names Docker schema 1, by its type and by its body', async () => {
    const old = Buffer.from('{"schemaVersion":1,"name":"acme/engine","tag":"one"}');
    for (const mediaType of [
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'application/json',
    ]) {
      const registry = await scripted();
      registry.contents.addManifest('acme/engine', mediaType, old, 'one');
      await expect(target(registry).resolve('one')).rejects.toMatchObject({
        code: 'MEDIA_TYPE_UNSUPPORTED',
        message: expect.stringContaining('schema 1'),
      });
    }
    const registry = await withManifest();
    registry.scriptTimes(9, isHead, (_request, response) => void response.writeHead(405).end());
    answering(registry, manifestBytes, {
      'content-type': 'application/vnd.docker.distribution.manifest.v1+json',
    });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED' });
  });

  it('B03 a Content-Type that the body contradicts is an error', async () => {
    const registry = await withManifest();
    registry.scriptTimes(9, isHead, (_request, response) => void response.writeHead(405).end());
    answering(registry, manifestBytes, { 'content-type': mediaTypes.imageIndex });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it.each([
    ['text/html; charset=utf-8', '<html>Log in</html>', 'web page'],
    ['application/json', 'Log in', 'no manifest'],
    ['application/json', '[]', 'no manifest'],
    ['', '', 'no manifest'],
  ])('C12 says that %s with %j is no manifest', async (contentType, body, said) => {
    for (const head of [200, 405]) {
      const registry = await withManifest();
      registry.script((request, response) => {
        if (contentType !== '') response.setHeader('content-type', contentType);
        response.writeHead(isHead(request) ? head : 200).end(body);
        return 'handled';
      });
      await expect(target(registry).resolve('one')).rejects.toMatchObject({
        code: 'RESPONSE_INVALID',
        message: expect.stringContaining(said),
      });
    }
  });

  it('C12 asks nothing more of who answers with a web page', async () => {
    const registry = await withManifest();
    registry.script((request, response) => {
      if (!isHead(request)) return undefined;
      response.writeHead(200, { 'content-type': 'text/html' }).end();
      return 'handled';
    });
    await expect(target(registry).resolve('one')).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
    expect(registry.requests).toHaveLength(1);
  });
});
