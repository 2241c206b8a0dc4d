import { describe, expect, it } from 'vitest';
import { memoryTarget, type Target } from '../../src/content/index.js';
import { type EngineDefinition, type ImageSource, resolveEngine } from '../../src/engine/index.js';
import {
  buildImage,
  type Descriptor,
  type Digest,
  describe as describeBytes,
  digestOf,
  mediaTypes,
  parseReference,
} from '../../src/oci/index.js';

const platform = { os: 'linux', architecture: 'amd64' };
const from = (bytes: Uint8Array) => async () =>
  (async function* () {
    yield bytes;
  })();

async function put(target: Target, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const descriptor = describeBytes(mediaType, bytes);
  await target.push(descriptor, from(bytes));
  return descriptor;
}

async function putImage(target: Target, texts: string[], mediaType: string = mediaTypes.layerTar) {
  const layers = texts.map((text) => ({
    descriptor: describeBytes(mediaType, Buffer.from(text)),
    diffId: digestOf(text),
  }));
  const image = buildImage({ layers, platform, annotations: { a: 'b' }, createdBy: 'test' });
  await target.push(image.config.descriptor, from(image.config.bytes));
  await target.push(image.manifest.descriptor, from(image.manifest.bytes));
  return { ...image, layers };
}

/** A target that counts what is asked of it. */
function counting(target: Target): Target & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    label: target.label,
    resolve: (wanted) => {
      asked.push(`resolve ${wanted}`);
      return target.resolve(wanted);
    },
    fetch: (descriptor, options) => {
      asked.push(`fetch ${descriptor.digest}`);
      return target.fetch(descriptor, options);
    },
    exists: (descriptor) => target.exists(descriptor),
    push: (descriptor, open) => target.push(descriptor, open),
    tag: (descriptor, tag) => target.tag(descriptor, tag),
    tags: () => target.tags(),
    referrers: (subject, artifactType) => target.referrers(subject, artifactType),
  };
}

function define(sources: Record<string, string | { directory: string }>): EngineDefinition {
  const entries = Object.entries(sources).map(([name, source]) => {
    if (typeof source !== 'string') return [name, { kind: 'directory', path: source.directory }];
    const reference = parseReference(source);
    return [name, { kind: reference.transport === 'oci' ? 'layout' : 'image', reference }];
  });
  return {
    name: 'e',
    description: 'd',
    kind: 'custom',
    catalog: 'c',
    sources: Object.fromEntries(entries),
    parts: [{ type: 'p', source: Object.keys(sources)[0] ?? '', path: '.' }],
    environment: [{ name: 'A', kind: 'value', value: 'x' }],
  };
}

const run = (definition: EngineDefinition, target: Target | ((source: ImageSource) => Target), more = {}) =>
  resolveEngine(definition, {
    target: typeof target === 'function' ? target : () => target,
    platform,
    directoryExists: async (path) => path === '/there',
    ...more,
  });

describe('resolveEngine', () => {
  it('turns every source into digests', async () => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['lower', 'upper']);
    await memory.tag(image.manifest.descriptor, 'v1');
    const seen: unknown[] = [];
    const definition = define({ one: 'h.io/a:v1', two: { directory: '/there' }, three: 'oci:/x:v1' });
    const lock = await run(definition, memory, { report: (event: unknown) => seen.push(event) });
    expect(lock).toMatchObject({ name: 'e', description: 'd', kind: 'custom', catalog: 'c' });
    expect(lock.parts).toEqual(definition.parts);
    expect(lock.environment).toEqual(definition.environment);
    expect(Object.keys(lock.sources)).toEqual(['one', 'two', 'three']);
    const { digest } = image.manifest.descriptor;
    expect(lock.sources.one).toEqual({
      kind: 'image',
      reference: 'h.io/a:v1',
      platform: 'linux/amd64',
      resolved: digest,
      manifest: image.manifest.descriptor,
      config: image.config.descriptor,
      layers: image.layers,
      annotations: { a: 'b' },
    });
    expect(lock.sources.two).toEqual({ kind: 'directory', path: '/there' });
    expect(lock.sources.three).toMatchObject({ kind: 'layout', reference: 'oci:/x:v1' });
    expect(seen).toEqual(
      expect.arrayContaining([
        { type: 'resolved', what: 'one', digest },
        { type: 'resolved', what: 'three', digest },
      ]),
    );
  });

  it('C10 asks once for a tag that several sources name, even if it moves', async () => {
    const memory = memoryTarget();
    const first = await putImage(memory, ['first']);
    const second = await putImage(memory, ['second']);
    await memory.tag(first.manifest.descriptor, 'edge');
    const target = counting(memory);
    const moving = {
      ...target,
      resolve: async (wanted: string) => {
        const found = await target.resolve(wanted);
        await memory.tag(second.manifest.descriptor, 'edge');
        return found;
      },
    };
    const lock = await run(define({ one: 'h.io/a:edge', two: 'h.io/a:edge' }), moving);
    expect(target.asked.filter((what) => what.startsWith('resolve'))).toEqual(['resolve edge']);
    expect([lock.sources.one, lock.sources.two]).toEqual([
      expect.objectContaining({ resolved: first.manifest.descriptor.digest }),
      expect.objectContaining({ resolved: first.manifest.descriptor.digest }),
    ]);
  });

  it('takes the image of the platform from an index, and remembers the digest of the index', async () => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['x']);
    const other = await putImage(memory, ['y']);
    const index = await put(
      memory,
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          manifests: [
            { ...other.manifest.descriptor, platform: { os: 'linux', architecture: 's390x' } },
            { ...image.manifest.descriptor, platform },
          ],
        }),
      ),
      mediaTypes.imageIndex,
    );
    await memory.tag(index, 'latest');
    const lock = await run(define({ one: 'h.io/a' }), memory);
    expect(lock.sources.one).toMatchObject({
      reference: 'h.io/a',
      resolved: index.digest,
      manifest: image.manifest.descriptor,
    });
  });

  it('asks for no tag where there is only a digest', async () => {
    const memory = memoryTarget();
    const { digest } = (await putImage(memory, ['x'])).manifest.descriptor;
    const target = counting(memory);
    await run(define({ one: `h.io/a@${digest}` }), target);
    expect(target.asked[0]).toBe(`resolve ${digest}`);
  });

  it('D02 rejects a tag and a digest that disagree, and takes those that agree', async () => {
    const memory = memoryTarget();
    const old = (await putImage(memory, ['old'])).manifest.descriptor;
    const now = (await putImage(memory, ['now'])).manifest.descriptor;
    await memory.tag(now, 'v1');
    const lock = await run(define({ one: `h.io/a:v1@${now.digest}` }), memory);
    expect(lock.sources.one).toMatchObject({ resolved: now.digest });
    await expect(run(define({ one: `h.io/a:v1@${old.digest}` }), memory)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('source "one"'),
      details: { expected: old.digest, actual: now.digest },
    });
  });

  it.each([
    'application/vnd.oci.image.layer.v1.tar+bzip2',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.empty.v1+json',
  ])('B04 refuses a layer of type %s by name', async (mediaType) => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['x'], mediaType);
    await memory.tag(image.manifest.descriptor, 'v1');
    await expect(run(define({ one: 'h.io/a:v1' }), memory)).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
      message: expect.stringContaining(mediaType),
    });
  });

  it('B09 keeps the same layer twice, in order', async () => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['a', 'b', 'a']);
    await memory.tag(image.manifest.descriptor, 'v1');
    const lock = await run(define({ one: 'h.io/a:v1' }), memory);
    expect(lock.sources.one).toMatchObject({
      layers: [{ diffId: digestOf('a') }, { diffId: digestOf('b') }, { diffId: digestOf('a') }],
    });
  });

  it('B06 keeps neither addresses nor inline data of descriptors', async () => {
    const memory = memoryTarget();
    const layer = {
      ...describeBytes(mediaTypes.layerTar, Buffer.from('x')),
      urls: ['http://elsewhere.example/x'],
      data: 'eA==',
    };
    const image = buildImage({
      layers: [{ descriptor: layer, diffId: digestOf('x') }],
      platform,
      annotations: {},
      createdBy: 't',
    });
    await memory.push(image.config.descriptor, from(image.config.bytes));
    await memory.push(image.manifest.descriptor, from(image.manifest.bytes));
    await memory.tag(image.manifest.descriptor, 'v1');
    const lock = await run(define({ one: 'h.io/a:v1' }), memory);
    expect(JSON.stringify(lock)).not.toMatch(/elsewhere|"data"/);
  });

  it('says which source a fault is in', async () => {
    const memory = memoryTarget();
    await expect(run(define({ one: 'h.io/a:v1' }), memory)).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
      message: expect.stringContaining('source "one": '),
    });
    await expect(run(define({ two: { directory: '/gone' } }), memory)).rejects.toMatchObject({
      code: 'PATH_NOT_FOUND',
      message: expect.stringMatching(/source "two".*\/gone/),
    });
  });

  it('goes side by side, within bounds', async () => {
    const memory = memoryTarget();
    await memory.tag((await putImage(memory, ['x'])).manifest.descriptor, 'v1');
    let now = 0;
    let most = 0;
    const slow: Target = {
      ...memory,
      resolve: async (wanted) => {
        most = Math.max(most, ++now);
        await new Promise((done) => setTimeout(done, 5));
        now--;
        return memory.resolve(wanted);
      },
    };
    const sources = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`s${at}`, `h.io/a${at}:v1`]));
    expect(Object.keys((await run(define(sources), slow)).sources)).toEqual(Object.keys(sources));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
  });
});

describe('content that is read', () => {
  it('B01 must be what the digest says wherever it is read from', async () => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['x']);
    await memory.tag(image.manifest.descriptor, 'v1');
    const lying: Target = { ...memory, fetch: async ({ size }) => from(Buffer.alloc(size, 32))() };
    await expect(run(define({ one: 'h.io/a:v1' }), lying)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const longer: Target = { ...memory, fetch: async ({ size }) => from(Buffer.alloc(size + 1, 32))() };
    await expect(run(define({ one: 'h.io/a:v1' }), longer)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  it('B08 looks three indexes deep, and no deeper', async () => {
    const memory = memoryTarget();
    const image = await putImage(memory, ['layer']);
    let inner: Descriptor = { ...image.manifest.descriptor, platform };
    for (const depth of [1, 2, 3, 4]) {
      const index = { schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests: [inner] };
      inner = await put(memory, Buffer.from(JSON.stringify(index)), mediaTypes.imageIndex);
      await memory.tag(inner, `deep-${depth}`);
    }
    const found = await run(define({ engine: 'h.io/x:deep-3' }), memory);
    expect(found.sources.engine).toMatchObject({ manifest: { digest: image.manifest.descriptor.digest } });
    await expect(run(define({ engine: 'h.io/x:deep-4' }), memory)).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining('deep'),
    });
  });

  it('B02 a manifest that says it is huge is not read', async () => {
    const memory = memoryTarget();
    const huge: Target = {
      ...memory,
      resolve: async () => ({
        mediaType: mediaTypes.imageManifest,
        digest: digestOf('x') as Digest,
        size: 4 * 1024 * 1024 + 1,
      }),
      fetch: async () => {
        return (async function* () {
          for (;;) yield Buffer.alloc(65_536);
        })();
      },
    };
    await expect(run(define({ one: 'h.io/a:v1' }), huge)).rejects.toMatchObject({
      code: 'MANIFEST_TOO_LARGE',
    });
  });
});
