import { describe, expect, it } from 'vitest';
import type { ScriptedRegistry } from '../../src/testing/index.js';
import { scripted, tagsOf, target } from '../support/registry-client.js';
import { manifest } from './manifests.js';

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

async function withTags(count: number): Promise<ScriptedRegistry> {
  const registry = await scripted();
  const { tags } = registry.contents.repository('acme/engine');
  for (let at = 0; at < count; at++) tags.set(`t${String(at).padStart(4, '0')}`, manifest.digest);
  return registry;
}

function linking(registry: ScriptedRegistry, next: (at: number) => string): void {
  let at = 0;
  registry.script((_request, response) => {
    response.writeHead(200, { link: `<${next(at++)}>; rel="next"` }).end('{"tags":["x"]}');
    return 'handled';
  });
}
