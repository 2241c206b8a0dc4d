import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Digest, maxManifestBytes, mediaTypes } from '../../src/oci/index.js';
import type { RecordedRequest, ScriptedRegistry } from '../../src/testing/index.js';
import {
  descriptorOf,
  manifestBytes,
  opens,
  read,
  scripted,
  tagsOf,
  target,
} from '../support/registry-client.js';

const type = mediaTypes.imageManifest;
const manifest = descriptorOf(manifestBytes, type);
const isHead = ({ method }: RecordedRequest) => method === 'HEAD';

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

describe('tags', () => {
  it('are listed over all pages', async () => {
    const registry = await withTags(2500);
    expect(await tagsOf(target(registry))).toHaveLength(2500);
    expect(registry.requests.map(({ query }) => query.get('last'))).toEqual([null, 't0999', 't1999']);
    expect(registry.requests[0]?.query.get('n')).toBe('1000');
  });

  it('are read no further than they are wanted', async () => {
    const registry = await withTags(2500);
    for await (const _tag of target(registry).tags()) break;
    expect(registry.requests).toHaveLength(1);
  });

  it('may be none', async () => {
    const registry = await scripted();
    registry.script((_request, response) => {
      response.writeHead(200).end('{"name":"acme/engine","tags":null}');
      return 'handled';
    });
    expect(await tagsOf(target(registry))).toEqual([]);
  });

  it('of a repository that is not there are an error', async () => {
    await expect(tagsOf(target(await scripted()))).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
  });

  it.each([
    ['relative', (_url: string) => '/v2/acme/engine/tags/list?last=t'],
    ['absolute', (url: string) => `${url}/v2/acme/engine/tags/list?last=t`],
  ])('follow a Link that is %s', async (_what, link) => {
    const registry = await withTags(2);
    registry.scriptTimes(
      1,
      () => true,
      (_request, response) => {
        response.writeHead(200, { link: `<${link(registry.url)}>; rel="next"` }).end('{"tags":["first"]}');
      },
    );
    expect(await tagsOf(target(registry))).toEqual(['first', 't0000', 't0001']);
  });

  it('C04 refuse a Link to another origin', async () => {
    const [registry, elsewhere] = [await withTags(2), await withTags(2)];
    linking(registry, () => `${elsewhere.url}/v2/acme/engine/tags/list?last=t`);
    await expect(tagsOf(target(registry))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining(elsewhere.url),
    });
    expect(elsewhere.requests).toEqual([]);
  });

  it.each([
    ['leads back to itself', () => '/v2/acme/engine/tags/list?n=1000', 2],
    ['leads round', (at: number) => `/v2/acme/engine/tags/list?last=${at % 3}`, 4],
    ['never ends', (at: number) => `/v2/acme/engine/tags/list?last=${at}`, 1000],
  ])('C05 end with an error where Link %s', async (_what, next, requests) => {
    const registry = await withTags(2);
    linking(registry, next);
    await expect(tagsOf(target(registry))).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
    expect(registry.requests).toHaveLength(requests);
  });

  it('C05 end with an error where there are too many of them to be kept', async () => {
    const page = Array.from({ length: 300_000 }, (_, at) => `t${at}`);
    const registry = await scripted();
    let pages = 0;
    registry.script((_request, response) => {
      const link = `</v2/acme/engine/tags/list?last=${++pages}>; rel="next"`;
      response.writeHead(200, { link }).end(JSON.stringify({ tags: page }));
      return 'handled';
    });
    await expect(tagsOf(target(registry))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      details: { expected: 1_000_000 },
    });
    expect(pages).toBe(4);
  });

  it.each([
    ['text/html', '<html>Log in</html>', 'web page'],
    ['application/json', '<html>Log in</html>', 'something else'],
    ['application/json', '{"tags":"all"}', 'something else'],
    ['application/json', '{"tags":["a",5]}', 'something else'],
  ])('C12 say that %s with %j is no list', async (contentType, body, said) => {
    const registry = await scripted();
    registry.script((_request, response) => {
      response.writeHead(200, { 'content-type': contentType }).end(body);
      return 'handled';
    });
    await expect(tagsOf(target(registry))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining(said),
    });
  });
});

async function withManifest(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addManifest('acme/engine', type, manifestBytes, 'one');
  return registry;
}

async function withTags(count: number): Promise<ScriptedRegistry> {
  const registry = await scripted();
  const { tags } = registry.contents.repository('acme/engine');
  for (let at = 0; at < count; at++) tags.set(`t${String(at).padStart(4, '0')}`, manifest.digest);
  return registry;
}

function answering(registry: ScriptedRegistry, body: Buffer, headers: Record<string, string>): void {
  registry.script((request, response) => {
    if (request.method !== 'GET') return undefined;
    response.writeHead(200, headers).end(body);
    return 'handled';
  });
}

function linking(registry: ScriptedRegistry, next: (at: number) => string): void {
  let at = 0;
  registry.script((_request, response) => {
    response.writeHead(200, { link: `<${next(at++)}>; rel="next"` }).end('{"tags":["x"]}');
    return 'handled';
  });
}

function other(): Digest {
  return descriptorOf(Buffer.from('something else')).digest;
}
