import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { copy } from '../../src/content/index.js';
import { buildImage, type Digest, mediaTypes } from '../../src/oci/index.js';
import { type RecordedRequest, refuse, type ScriptedRegistry } from '../../src/testing/index.js';
import {
  client,
  descriptorOf,
  logins,
  opens,
  reference,
  scripted,
  target,
} from '../support/registry-client.js';

const blob = randomBytes(300_000);
const descriptor = descriptorOf(blob);
const is = (method: string) => (request: RecordedRequest) => request.method === method;
const asked = (registry: ScriptedRegistry, method: string) => registry.requests.filter(is(method));
const never = () => Promise.reject(new Error('the content was opened'));

describe('a blob that another repository has', () => {
  it('is mounted, and looked for afterwards', async () => {
    const registry = await scripted();
    registry.contents.addBlob(blob, 'acme/base');
    await target(registry).push(descriptor, never, { mountFrom: ['acme/base'] });
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'HEAD']);
    expect(Object.fromEntries(registry.requests[1]?.query ?? [])).toEqual({
      mount: descriptor.digest,
      from: 'acme/base',
    });
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('is mounted without being told from where, where the registry finds it', async () => {
    const registry = await scripted();
    registry.contents.addBlob(blob, 'somebody/else');
    await target(registry).push(descriptor, never);
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'HEAD']);
  });

  it('is found with the second candidate; the session of the first is cancelled', async () => {
    const registry = await scripted();
    registry.contents.addBlob(blob, 'acme/base');
    await target(registry).push(descriptor, never, { mountFrom: ['acme/engine', 'acme/none', 'acme/base'] });
    expect(asked(registry, 'POST').map(({ query }) => query.get('from'))).toEqual(['acme/none', 'acme/base']);
    expect(asked(registry, 'DELETE')).toHaveLength(1);
    expect(registry.contents.uploads.size).toBe(0);
  });

  it('C14 is uploaded by the session that a refused mount gives', async () => {
    const registry = await scripted();
    await target(registry).push(descriptor, opens(blob), { mountFrom: ['acme/none', 'acme/nothing'] });
    expect(asked(registry, 'POST')).toHaveLength(2);
    expect(asked(registry, 'PUT')).toHaveLength(1);
    expect(registry.contents.uploads.size).toBe(0);
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it.each([400, 404, 405, 500])('C14 is uploaded where a mount is answered %i', async (status) => {
    const registry = await scripted();
    registry.script((request, response) => {
      if (!request.query.has('mount')) return undefined;
      refuse(response, status, 'UNSUPPORTED', 'no mounts');
      return 'handled';
    });
    const repository = target(registry);
    await repository.push(descriptor, opens(blob), { mountFrom: ['acme/base'] });
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
    const other = randomBytes(1000);
    await repository.push(descriptorOf(other), opens(other));
    // What the registry does not know is not tried with every blob.
    expect(asked(registry, 'POST').map(({ query }) => query.has('mount'))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('C14 is uploaded where the mount is said to have worked, and the blob is not there', async () => {
    const registry = await scripted();
    registry.scriptTimes(1, is('POST'), (_request, response) => {
      response.writeHead(201, { location: '/v2/acme/engine/blobs/x' }).end();
    });
    await target(registry).push(descriptor, opens(blob), { mountFrom: ['acme/base'] });
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('C14 is uploaded where the location that comes with the refusal leads nowhere', async () => {
    const registry = await scripted();
    registry.scriptTimes(1, is('POST'), (request, response) => {
      const location = `/v2/acme/engine/blobs/uploads/?${request.query}/0c14`;
      response.writeHead(202, { location }).end();
    });
    await target(registry).push(descriptor, opens(blob));
    expect(registry.contents.blob('acme/engine', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('is asked for with leave to read there, and uploaded where there is none', async () => {
    const registry = await scripted();
    const scopes: string[][] = [];
    registry.script((request, response) => {
      if (request.path === '/token') {
        const wanted = request.query.getAll('scope');
        scopes.push(wanted);
        const token = Buffer.from(wanted.filter((scope) => !scope.includes('secret')).join(' ')).toString(
          'hex',
        );
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
        return 'handled';
      }
      const from = request.query.get('from');
      const needed = [
        'repository:acme/engine:pull,push',
        ...(from === null ? [] : [`repository:${from}:pull`]),
      ];
      const token = Buffer.from((request.headers.authorization ?? '').slice('Bearer '.length), 'hex');
      if (needed.every((scope) => token.toString().split(' ').includes(scope))) return undefined;
      const challenge = `Bearer realm="${registry.url}/token",scope="${needed[0]}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return 'handled';
    });
    registry.contents.addBlob(blob, 'acme/base');
    registry.contents.addBlob(blob, 'acme/secret');
    const repository = target(registry, { credentials: logins({}) });
    await repository.push(descriptor, opens(blob), { mountFrom: ['acme/secret', 'acme/base'] });
    expect(asked(registry, 'PUT')).toHaveLength(0);
    expect(scopes).toContainEqual(['repository:acme/engine:pull,push', 'repository:acme/base:pull']);
    const other = randomBytes(1000);
    registry.contents.addBlob(other, 'acme/secret');
    registry.script((request, response) => {
      if (!request.query.has('mount') || request.query.has('from')) return undefined;
      refuse(response, 400, 'UNSUPPORTED', 'no anonymous mounts');
      return 'handled';
    });
    await repository.push(descriptorOf(other), opens(other), { mountFrom: ['acme/secret'] });
    expect(asked(registry, 'PUT')).toHaveLength(1);
  });
});

describe('a copy between repositories of one registry', () => {
  it('moves no layer', async () => {
    const registry = await scripted();
    const one = client().repository(reference(registry.host, 'acme/one'));
    const image = buildImage({
      layers: [
        {
          descriptor: { ...descriptor, mediaType: mediaTypes.layerTarGzip },
          diffId: descriptor.digest as Digest,
        },
      ],
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {},
      createdBy: 'a test',
    });
    registry.contents.addBlob(blob, 'acme/one');
    for (const { descriptor: part, bytes } of [image.config, image.manifest])
      await one.push(part, opens(bytes));
    const before = registry.requests.length;
    const two = client().repository(reference(registry.host, 'acme/two'));
    const events: string[] = [];
    const result = await copy(one, image.manifest.descriptor, two, {
      tags: ['1'],
      report: ({ type }) => void events.push(type),
    });
    expect(result.sentBytes).toBe(image.manifest.descriptor.size);
    const log = registry.log.slice(before);
    expect(log.filter((line) => line.startsWith('GET') && line.includes('/blobs/'))).toEqual([]);
    expect(log.filter((line) => line.startsWith('PUT') && line.includes('/blobs/'))).toEqual([]);
    expect(log.at(-2)).toBe('PUT /v2/acme/two/manifests/1');
    expect(registry.contents.blob('acme/two', descriptor.digest)?.equals(blob)).toBe(true);
  });

  it('of another registry mounts nothing from a repository of the same name', async () => {
    const [one, two] = [await scripted(), await scripted()];
    const from = client().repository(reference(one.host, 'acme/one'));
    const image = buildImage({
      layers: [
        {
          descriptor: { ...descriptor, mediaType: mediaTypes.layerTarGzip },
          diffId: descriptor.digest as Digest,
        },
      ],
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {},
      createdBy: 'a test',
    });
    await from.push(descriptor, opens(blob));
    for (const { descriptor: part, bytes } of [image.config, image.manifest])
      await from.push(part, opens(bytes));
    await copy(from, image.manifest.descriptor, target(two), { tags: [] });
    expect(asked(two, 'POST').filter(({ query }) => query.has('from'))).toEqual([]);
  });
});
