import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import { refuse, type ScriptedRegistry, sha256 } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  logins,
  manifestBytes,
  opens,
  read,
  recorder,
  reference,
  tagsOf,
} from '../support/registry-client.js';
import { manifest } from './manifests.js';
import { having, mirrored, pair, readAllOf } from './mirrored.js';

describe('a repository with mirrors', () => {
  it('is read from the first, and nothing is asked elsewhere', async () => {
    const { mirror, location } = await pair();
    const { report, events } = recorder();
    const target = mirrored({ mirrors: [mirror], location }, { report });
    expect(target.label).toBe('origin.example/acme/engine');
    expect(await readAllOf(target)).toEqual(manifest);
    expect(await tagsOf(target)).toEqual(['one']);
    expect(mirror.log[0]).toBe('HEAD /v2/cache/engine/manifests/one');
    expect(location.requests).toEqual([]);
    expect(events).toEqual([]);
  });

  it('asks a mirror for digests only, or for tags only, as its rule says', async () => {
    const [byDigest, byTag, location] = [
      await having('cache/engine'),
      await having('cache/engine'),
      await having('acme/engine'),
    ];
    const digests = mirrored({ mirrors: [{ host: byDigest.host, pull: 'digest-only' }], location });
    await readAllOf(digests);
    await digests.resolve(manifest.digest);
    await tagsOf(digests);
    expect(location.log).toEqual(['HEAD /v2/acme/engine/manifests/one', 'GET /v2/acme/engine/tags/list']);
    expect(byDigest.log).toHaveLength(3);

    location.requests.length = 0;
    const tags = mirrored({ mirrors: [{ host: byTag.host, pull: 'tag-only' }], location });
    await read(tags, manifest);
    expect(location.log).toEqual([`GET /v2/acme/engine/manifests/${manifest.digest}`]);
    await readAllOf(tags);
    expect(location.log).toHaveLength(1);
    expect(byTag.log[0]).toBe('HEAD /v2/cache/engine/manifests/one');
  });

  it('C02 shows each place its own login and no other', async () => {
    const { mirror, location } = await pair();
    for (const registry of [mirror, location]) {
      registry.script(({ headers }, response) => {
        if (headers.authorization !== undefined) return undefined;
        response.setHeader('www-authenticate', 'Basic realm="x"');
        refuse(response, 401, 'UNAUTHORIZED', 'who?');
        return 'handled';
      });
    }
    mirror.contents.blobs.clear();
    const credentials = logins({
      'origin.example': 'ada:horse-of-the-origin',
      [location.host]: 'ada:horse-of-the-location',
      [mirror.host]: 'bob:horse-of-the-mirror',
    });
    await readAllOf(mirrored({ mirrors: [mirror], location }, { credentials }));
    const sent = (registry: ScriptedRegistry) => [
      ...new Set(registry.requests.map(({ headers }) => headers.authorization)),
    ];
    const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`;
    expect(sent(mirror)).toEqual([undefined, basic('bob:horse-of-the-mirror')]);
    expect(sent(location)).toEqual([undefined, basic('ada:horse-of-the-location')]);
  });

  it('is written to its location only, which is told', async () => {
    const { mirror, location } = await pair();
    const { report, events } = recorder();
    const target = mirrored({ mirrors: [mirror], location }, { report });
    const bytes = Buffer.from('fresh');
    location.contents.addBlob(Buffer.from('{}'));
    await target.push(descriptorOf(bytes), opens(bytes));
    await target.push(manifest, opens(manifestBytes));
    await target.tag(manifest, 'two');
    expect(await target.exists(descriptorOf(bytes))).toBe(true);
    expect(location.contents.blobs.has(sha256(bytes))).toBe(true);
    expect(location.contents.repository('acme/engine').tags.get('two')).toBe(manifest.digest);
    expect(mirror.requests).toEqual([]);
    expect(events).toEqual([
      {
        type: 'warning',
        message: `origin.example/acme/engine is written to ${location.host}/acme/engine: so says /etc/test.conf`,
      },
    ]);
  });

  it.each<[string, (target: Target) => Promise<void>]>([
    ['a push', (target) => target.push(manifest, opens(manifestBytes))],
    ['a tag', (target) => target.tag(manifest, 'two')],
  ])('is written to elsewhere by %s only after that was told', async (_what, write) => {
    const { mirror, location } = await pair();
    location.contents.addBlob(Buffer.from('{}'));
    const { report, events } = recorder();
    const toldBefore: number[] = [];
    location.script(() => {
      toldBefore.push(events.filter(({ type }) => type === 'warning').length);
      return undefined;
    });
    await write(mirrored({ mirrors: [mirror], location }, { report }));
    expect(new Set(toldBefore)).toEqual(new Set([1]));
    expect(location.requests.some(({ method }) => method === 'PUT')).toBe(true);
  });
});

describe('a registry that may be insecure', () => {
  const insecure = (host: string) => ({
    registries: [
      {
        prefix: 'origin.example',
        location: host,
        insecure: true,
        blocked: false,
        mirrors: [],
        origin: 'x',
        ofProject: false,
      },
    ],
  });
  it('is asked where it is; a blocked one is not', async () => {
    const registry = await having('acme/engine');
    const own = client(insecure(registry.host));
    await expect(own.repository(reference('origin.example')).resolve('one')).resolves.toEqual(manifest);
    const [rule] = insecure(registry.host).registries;
    if (rule === undefined) throw new Error('no rule');
    const blocked = client({ registries: [{ ...rule, blocked: true }] });
    expect(() => blocked.repository(reference('origin.example'))).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
  });
});
