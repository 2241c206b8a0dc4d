import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/content/index.js';
import {
  captivePortal,
  type RecordedRequest,
  refuse,
  type ScriptedRegistry,
} from '../../src/testing/index.js';
import { descriptorOf, manifestBytes, opens, scripted, target } from '../support/registry-client.js';

const type = 'application/vnd.oci.image.manifest.v1+json';
const manifest = descriptorOf(manifestBytes, type);
const other = Buffer.from(
  manifestBytes.toString().replace('"layers":[]', '"layers":[],"annotations":{"a":"b"}'),
);
const isTagging = ({ method, path }: RecordedRequest) => method === 'PUT' && path.endsWith('/1.0.0');

/** How registries refuse to move a tag. */
const refusals: [string, number, string, string][] = [
  [
    'ECR',
    400,
    'TAG_INVALID',
    "The image tag '1.0.0' already exists and cannot be overwritten because the repository is immutable.",
  ],
  ['Artifactory', 403, 'DENIED', 'Not enough permissions to overwrite artifact'],
  ['ACR', 405, 'UNSUPPORTED', 'The operation is disallowed on this registry, repository or image.'],
  ['Quay', 409, 'TAG_IMMUTABLE', 'tag is immutable'],
  ['Harbor', 412, 'PRECONDITION', "Failed to process request due to 'engine:1.0.0' configured as immutable."],
];

describe('a tag', () => {
  it.each(refusals)(
    'C15 that may not be moved is an error of its own (as %s says it)',
    async (_who, status, code, text) => {
      const registry = await withImage();
      registry.contents.addManifest('acme/engine', type, other, '1.0.0');
      refuseTag(registry, status, code, text);
      const repository = target(registry);
      await repository.push(manifest, opens(manifestBytes));
      await expect(repository.tag(manifest, '1.0.0')).rejects.toMatchObject({
        code: 'TAG_IMMUTABLE',
        message: expect.stringContaining(text),
        hint: expect.stringContaining(`@${manifest.digest}`),
        details: { status, expected: manifest.digest, actual: descriptorOf(other).digest },
      });
    },
  );

  it.each(refusals)(
    'C15 that may not be moved need not be, where it stands for the image (%s)',
    async (_who, status, code, text) => {
      const registry = await withImage();
      registry.contents.addManifest('acme/engine', type, manifestBytes, '1.0.0');
      refuseTag(registry, status, code, text);
      await target(registry).tag(manifest, '1.0.0');
    },
  );

  it.each([400, 403, 409, 412])(
    'that is refused (%i) without being there is not called immutable',
    async (status) => {
      const registry = await withImage();
      refuseTag(registry, status, 'DENIED', 'no');
      const repository = target(registry);
      await repository.push(manifest, opens(manifestBytes));
      await expect(repository.tag(manifest, '1.0.0')).rejects.toMatchObject({
        code: status === 403 ? 'FORBIDDEN' : 'RESPONSE_INVALID',
      });
    },
  );

  it('that is refused for want of leave is not called immutable', async () => {
    const registry = await withImage();
    registry.contents.addManifest('acme/engine', type, manifestBytes);
    registry.contents.addManifest('acme/engine', type, other, '1.0.0');
    refuseTag(registry, 403, 'DENIED', 'pull only');
    await expect(target(registry).tag(manifest, '1.0.0')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it.each([
    ['is not there', undefined],
    ['stands for another image', other],
  ])('C14 that is said to be set and %s is an error', async (_what, stays) => {
    const registry = await withImage();
    if (stays !== undefined) registry.contents.addManifest('acme/engine', type, stays, '1.0.0');
    registry.scriptTimes(1, isTagging, async (request, response) => {
      await request.body();
      response.writeHead(201, { 'docker-content-digest': manifest.digest }).end();
    });
    const repository = target(registry, { limits: { tries: 3 } });
    await repository.push(manifest, opens(manifestBytes));
    await expect(repository.tag(manifest, '1.0.0')).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('1.0.0'),
      details: { expected: manifest.digest },
    });
  });

  it('that shows a moment later only is set', async () => {
    const registry = await withImage();
    registry.scriptTimes(
      2,
      ({ method, path }) => method === 'HEAD' && path.endsWith('/1.0.0'),
      (_request, response) => {
        response.writeHead(404).end();
      },
    );
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    await repository.tag(manifest, '1.0.0');
  });

  it.each([
    ['may not read', 403],
    ['cannot', 405],
  ])('that we %s back is taken for set', async (_what, status) => {
    const registry = await withImage();
    registry.script(({ method, path }, response) => {
      if (method !== 'HEAD' || !path.endsWith('/1.0.0')) return undefined;
      response.writeHead(status).end();
      return 'handled';
    });
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    await repository.tag(manifest, '1.0.0');
    expect(registry.contents.repository('acme/engine').tags.get('1.0.0')).toBe(manifest.digest);
  });
});

describe('what is there', () => {
  it.each([405, 501])('is found where HEAD is not supported (%i)', async (status) => {
    const registry = await withImage();
    registry.contents.addManifest('acme/engine', type, manifestBytes);
    registry.script(({ method }, response) => {
      if (method !== 'HEAD') return undefined;
      response.writeHead(status).end();
      return 'handled';
    });
    const repository = target(registry);
    const [blob, missing, empty] = ['{}', 'missing', ''].map((text) => Buffer.from(text)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    expect(await repository.exists(manifest)).toBe(true);
    expect(await repository.exists(descriptorOf(other, type))).toBe(false);
    expect(await repository.exists(descriptorOf(blob))).toBe(true);
    expect(await repository.exists(descriptorOf(missing))).toBe(false);
    await repository.push(descriptorOf(missing), opens(missing));
    await repository.push(descriptorOf(empty), opens(empty));
    expect(await repository.exists(descriptorOf(missing))).toBe(true);
    expect(await repository.exists(descriptorOf(empty))).toBe(true);
  });

  it('is found where the registry redirects to storage that takes GET only', async () => {
    const [registry, storage] = [await withImage(), await scripted()];
    storage.contents.addBlob(Buffer.from('{}'));
    storage.script(({ method }, response) => {
      if (method !== 'HEAD') return undefined;
      response.writeHead(403).end();
      return 'handled';
    });
    registry.script(({ path }, response) => {
      if (!path.includes('/blobs/')) return undefined;
      response.writeHead(307, { location: `${storage.url}${path}` }).end();
      return 'handled';
    });
    expect(await target(registry).exists(descriptorOf(Buffer.from('{}')))).toBe(true);
    expect(await target(registry).exists(descriptorOf(Buffer.from('no')))).toBe(false);
  });

  it('C12 is not taken from a web page', async () => {
    const registry = await scripted();
    registry.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in to the hotel');
      return 'handled';
    });
    const bytes = Buffer.from('a blob');
    await expect(target(registry).push(descriptorOf(bytes), opens(bytes))).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it.each([
    ['is there', (repository: Target) => repository.exists(manifest)],
    ['was taken', (repository: Target) => repository.push(manifest, opens(manifestBytes))],
    ['is tagged', (repository: Target) => repository.tag(manifest, '1.0.0')],
  ])('C12 no web page says that a manifest %s', async (_what, act) => {
    const registry = await withImage();
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    // The network login ended in the middle of the work.
    registry.script(captivePortal());
    await expect(act(repository)).rejects.toMatchObject({
      code: 'RESPONSE_INVALID',
      message: expect.stringContaining('web page'),
    });
  });

  it('C12 no web page says what a tag stands for', async () => {
    const registry = await withImage();
    const repository = target(registry);
    await repository.push(manifest, opens(manifestBytes));
    registry.script(captivePortal({ which: ({ method }) => method === 'HEAD' }));
    await expect(repository.tag(manifest, '1.0.0')).rejects.toMatchObject({ code: 'RESPONSE_INVALID' });
  });

  it('C14 is looked for where the registry does not say what it took', async () => {
    const registry = await withImage();
    registry.scriptTimes(
      1,
      ({ method }) => method === 'PUT',
      async (request, response) => {
        await request.body();
        response.writeHead(201).end();
      },
    );
    await expect(target(registry).push(manifest, opens(manifestBytes))).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('does not have it'),
    });
  });
});

async function withImage(): Promise<ScriptedRegistry> {
  const registry = await scripted();
  registry.contents.addBlob(Buffer.from('{}'));
  return registry;
}

function refuseTag(registry: ScriptedRegistry, status: number, code: string, text: string): void {
  registry.script(async (request, response) => {
    if (!isTagging(request)) return undefined;
    await request.body();
    refuse(response, status, code, text);
    return 'handled';
  });
}
