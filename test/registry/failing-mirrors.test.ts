import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/index.js';
import { refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import { client, manifestBytes, read, recorder, reference, tagsOf } from '../support/registry-client.js';
import { temporaryDirectory } from '../support/temporary.js';
import { manifest } from './manifests.js';
import { having, layer, layerDescriptor, mirrored, pair, prefix, readAllOf } from './mirrored.js';

describe('a repository with mirrors', () => {
  it.each<[string, (mirror: ScriptedRegistry) => void]>([
    ['lacks it', (mirror) => mirror.contents.repositories.clear()],
    [
      'lacks it and its blobs',
      (mirror) => {
        mirror.contents.repositories.clear();
        mirror.contents.blobs.clear();
      },
    ],
    ['asks for a login', (mirror) => always(mirror, 401, { 'www-authenticate': 'Basic realm="x"' })],
    ['forbids it', (mirror) => always(mirror, 403)],
    ['is overloaded', (mirror) => always(mirror, 503)],
    ['is limiting', (mirror) => always(mirror, 429, { 'retry-after': '3600' })],
    ['fails', (mirror) => always(mirror, 500)],
    ['is a captive portal (C12)', (mirror) => always(mirror, 200, { 'content-type': 'text/html' }, '<html>')],
    [
      'drops connections',
      (mirror) =>
        mirror.script((_request, response) => {
          response.destroy();
          return 'handled';
        }),
    ],
    ['never answers', (mirror) => mirror.script(() => 'handled')],
    [
      'lies about a digest',
      (mirror) =>
        mirror.script(({ method }, response) => {
          if (method !== 'HEAD') return undefined;
          response
            .writeHead(200, { 'content-type': mediaTypes.imageManifest, 'docker-content-digest': 'sha256:1' })
            .end();
          return 'handled';
        }),
    ],
  ])('is read from the next place where a mirror %s', async (_what, spoil) => {
    const { mirror, location } = await pair();
    spoil(mirror);
    const { report, events } = recorder();
    const target = mirrored({ mirrors: [mirror], location }, { report, limits: { idleMs: 300 } });
    expect(await readAllOf(target)).toEqual(manifest);
    expect(await tagsOf(target)).toEqual(['one']);
    const warnings = events.filter((event) => event.type === 'warning');
    const messages = warnings.map((event) => (event.type === 'warning' ? event.message : ''));
    for (const message of messages) expect(message).toMatch(/^A mirror is passed over: /);
    expect(new Set(messages).size).toBe(messages.length);
  });

  it('B01 is read from the next place for damaged content of a mirror, of any sort', async () => {
    const { mirror, location } = await pair();
    mirror.script(({ path, method }, response) => {
      if (method !== 'GET') return undefined;
      const wrong = Buffer.alloc(
        path.includes('blobs') ? layer.byteLength + 1 : manifestBytes.byteLength,
        'x',
      );
      response
        .writeHead(200, { 'content-type': mediaTypes.imageManifest, 'content-length': wrong.byteLength })
        .end(wrong);
      return 'handled';
    });
    await readAllOf(mirrored({ mirrors: [mirror], location }));
    expect(location.log).toEqual([
      `GET /v2/acme/engine/manifests/${manifest.digest}`,
      `GET /v2/acme/engine/blobs/${layerDescriptor.digest}`,
    ]);
  });

  it('gets a blob that the mirror of its manifest lacks from the next place, told once', async () => {
    const [first, second, location] = [
      await having('cache/engine'),
      await having('cache/engine'),
      await having('acme/engine'),
    ];
    first.contents.blobs.clear();
    const { report, events } = recorder();
    const target = mirrored({ mirrors: [first, second], location }, { report });
    await readAllOf(target);
    await readAllOf(target);
    expect(location.requests).toEqual([]);
    expect(second.log).toEqual(Array(2).fill(`GET /v2/cache/engine/blobs/${layerDescriptor.digest}`));
    expect(events).toHaveLength(1);
  });

  it.each(['gives ranges', 'gives the whole only', 'is another mirror'])(
    'C07 goes on with a download that broke off at a mirror where the next place %s',
    async (next) => {
      const [mirror, second, location] = [await having(), await having(), await having()];
      mirror.script(({ method, headers }, response) => {
        if (method !== 'GET') return undefined;
        const first = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
        const range = { 'content-range': `bytes ${first}-${layer.byteLength - 1}/${layer.byteLength}` };
        response.writeHead(first === 0 ? 200 : 206, {
          'content-length': layer.byteLength - first,
          etag: '"of the mirror"',
          ...range,
        });
        response.write(layer.subarray(first, first + 500_000), () => response.destroy());
        return 'handled';
      });
      const giving = next === 'is another mirror' ? second : location;
      if (next === 'gives the whole only') {
        location.script((_request, response) => {
          response.writeHead(200, { 'content-length': layer.byteLength }).end(layer);
          return 'handled';
        });
      }
      const { report, events } = recorder();
      const mirrors = next === 'is another mirror' ? [mirror, second] : [mirror];
      const target = mirrored({ mirrors, location }, { report });
      expect((await read(target, layerDescriptor)).equals(layer)).toBe(true);
      expect(mirror.requests).toHaveLength(2);
      expect(giving.requests.map(({ headers }) => headers.range)).toEqual(['bytes=1000000-']);
      // C08 each place has entity tags of its own: under that of another it would send the whole.
      expect(giving.requests.map(({ headers }) => headers['if-range'])).toEqual([undefined]);
      expect(events.filter(({ type }) => type === 'warning')).toHaveLength(1);
    },
  );

  it('B01 does not end well where the places of a download have other bytes', async () => {
    const [mirror, location] = [await having(), await having()];
    mirror.script((_request, response) => {
      response.writeHead(200, { 'content-length': layer.byteLength });
      response.write(Buffer.alloc(1000, 'x'), () => response.destroy());
      return 'handled';
    });
    const limits = { tries: 1 };
    await expect(
      read(mirrored({ mirrors: [mirror], location }, { limits }), layerDescriptor),
    ).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  it('asks a mirror that lacks an image for its blobs last', async () => {
    const { mirror, location } = await pair();
    mirror.contents.repositories.clear();
    const target = mirrored({ mirrors: [mirror], location });
    await readAllOf(target);
    expect(mirror.log.filter((line) => line.includes('/blobs/'))).toEqual([]);
    location.contents.blobs.clear();
    expect((await read(target, layerDescriptor)).equals(layer)).toBe(true);
    expect(location.log.at(-1)).toContain('/blobs/');
  });

  it('asks a mirror that the network failed no second time, by whatever repository', async () => {
    const { mirror, location } = await pair();
    mirror.script((_request, response) => {
      response.destroy();
      return 'handled';
    });
    const rule = {
      prefix,
      location: `${location.host}/acme`,
      insecure: false,
      blocked: false,
      mirrors: [{ location: `${mirror.host}/cache`, insecure: false, pull: 'all' as const }],
      origin: 'x',
      ofProject: false,
    };
    const own = client({ registries: [rule] });
    await readAllOf(own.repository(reference('origin.example')));
    const asked = mirror.requests.length;
    expect(asked).toBeGreaterThan(0);
    location.contents.addManifest('acme/other', mediaTypes.imageManifest, manifestBytes, 'one');
    await own.repository(reference('origin.example', 'acme/other')).resolve('one');
    expect(mirror.requests).toHaveLength(asked);
  });

  it('fails with what each place said', async () => {
    const { mirror, location } = await pair();
    always(mirror, 401, { 'www-authenticate': 'Basic realm="x"' });
    location.contents.repositories.clear();
    const target = mirrored({ mirrors: [mirror], location });
    await expect(target.resolve('one')).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`^${location.host} answered 404.*; and of its mirrors: .*${mirror.host} answered 401`),
      ),
      hint: expect.stringContaining(`login ${mirror.host}`),
    });
    await expect(tagsOf(target)).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' });
    await expect(target.resolve('-')).rejects.toMatchObject({
      code: 'REFERENCE_INVALID',
      message: expect.stringMatching(/^"-" is not a tag[^;]*$/),
    });
  });

  it('is not read from the next place where the own configuration for a mirror is at fault', async () => {
    const { mirror, location } = await pair();
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/${mirror.host}`);
    writeFileSync(`${directory}/${mirror.host}/client.cert`, 'a certificate without its key');
    const target = mirrored(
      { mirrors: [mirror], location },
      { certificateDirectories: [directory], plainHttp: (host) => host !== mirror.host },
    );
    for (const reading of [() => target.resolve('one'), () => read(target, manifest)])
      await expect(reading()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(directory),
      });
    expect(location.requests).toEqual([]);
  });

  it('ends with the reason of a signal and asks no other place', async () => {
    const { mirror, location } = await pair();
    const abort = new AbortController();
    mirror.script(() => {
      abort.abort(new Error('enough'));
      return 'handled';
    });
    const target = mirrored({ mirrors: [mirror], location });
    await expect(target.fetch(layerDescriptor, { signal: abort.signal })).rejects.toThrow('enough');
    expect(location.requests).toEqual([]);
  });

  it('adds the tags of the next place where a mirror fails in the middle', async () => {
    const { mirror, location } = await pair();
    location.contents.repository('acme/engine').tags.set('two', manifest.digest);
    mirror.script(({ query }, response) => {
      if (query.has('last')) refuse(response, 500, 'NO', 'no');
      else
        response
          .writeHead(200, {
            link: '</v2/cache/engine/tags/list?last=one>; rel="next"',
            'content-type': 'application/json',
          })
          .end('{"tags": ["one"]}');
      return 'handled';
    });
    expect(await tagsOf(mirrored({ mirrors: [mirror], location }))).toEqual(['one', 'two']);
  });
});

/** Lets a registry answer everything with the same. */
function always(
  registry: ScriptedRegistry,
  status: number,
  headers: Record<string, string> = {},
  body = 'x',
) {
  registry.script((_request, response) => {
    response.writeHead(status, headers).end(body);
    return 'handled';
  });
}
