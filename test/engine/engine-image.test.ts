import { describe, expect, it } from 'vitest';
import { memoryTarget, readAll, readManifest, streamOf, type Target } from '../../src/content/index.js';
import { lockEngine, readExportedEngines, resolveEngine, writeEngine } from '../../src/engine/index.js';
import {
  buildImage,
  type Descriptor,
  describe as describeBytes,
  digestOf,
  mediaTypes,
  parseReference,
} from '../../src/oci/index.js';

const artifactType = 'application/vnd.engineshed.engine.v1+json';
// biome-ignore lint/suspicious/noExplicitAny: locks of every shape
type Json = any;

async function push(to: Target, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const descriptor = describeBytes(mediaType, bytes);
  await to.push(descriptor, async () => streamOf(bytes));
  return descriptor;
}

/** A place with an exported engine, whose lock somebody has changed. */
async function exported(change: (lock: Json) => void): Promise<Target> {
  const memory = memoryTarget();
  const layer = await push(memory, Buffer.from('a layer'), mediaTypes.layerTar);
  const image = buildImage({
    layers: [{ descriptor: layer, diffId: digestOf('a layer') }],
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: {},
    createdBy: 'test',
  });
  await push(memory, image.config.bytes, mediaTypes.imageConfig);
  await memory.tag(await push(memory, image.manifest.bytes, mediaTypes.imageManifest), '1');
  const reference = parseReference('h.io/acme/base:1');
  if (reference.transport !== 'registry') throw new Error('no registry');
  const lock = await resolveEngine(
    {
      name: 'train',
      description: '',
      kind: 'custom',
      catalog: 'test',
      sources: { base: { kind: 'image', reference } },
      parts: [{ type: 'base', source: 'base', path: '.' }],
      environment: [
        { name: 'BASE_DIR', kind: 'part', part: 'base', path: undefined },
        { name: 'WORDS', kind: 'value', value: 'some' },
      ],
    },
    {
      target: () => memory,
      platform: { os: 'linux', architecture: 'amd64' },
      directoryExists: async () => false,
    },
  );
  await writeEngine(lock, memory, { content: () => memory });
  const { parsed } = await readManifest(memory, await memory.resolve('train'));
  if (parsed.kind !== 'manifest') throw new Error('no manifest');
  const [found] = parsed.manifest.layers;
  if (found === undefined) throw new Error('no lock');
  const changed = JSON.parse((await readAll(await memory.fetch(found), found, 1e6)).toString());
  change(changed);
  const text = JSON.stringify(changed).replaceAll('"proto"', '"__proto__"');
  const layers = [await push(memory, Buffer.from(text), artifactType)];
  const manifest = Buffer.from(JSON.stringify({ ...parsed.manifest, layers }));
  const root = { ...(await push(memory, manifest, mediaTypes.imageManifest)), artifactType };
  return { ...memory, images: async () => [root] };
}

describe('an engine in a file', () => {
  it('is not written with what could not be read', async () => {
    const [engine] = await readExportedEngines(await exported(() => undefined));
    if (engine === undefined) throw new Error('no engine');
    const environment = [{ name: 'PATH', kind: 'value', value: '/tmp' }] as const;
    const write = writeEngine({ ...engine.lock, environment }, memoryTarget(), {
      content: () => memoryTarget(),
    });
    await expect(write).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('sets PATH'),
    });
  });

  it('B08 reads each index once, however often others name it, and not more than a hundred', async () => {
    const memory = memoryTarget();
    const platform = { os: 'linux', architecture: 'amd64' };
    const image = async (a: string) => {
      const parts = { layers: [], platform, annotations: { a }, createdBy: 'test' };
      const { config, manifest } = buildImage(parts);
      await push(memory, config.bytes, mediaTypes.imageConfig);
      return push(memory, manifest.bytes, mediaTypes.imageManifest);
    };
    const wanted = await image('wanted');
    const another = await image('another');
    const index = (manifests: object[]) => {
      const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests });
      return push(memory, Buffer.from(text), mediaTypes.imageIndex);
    };
    const other = { os: 'linux', architecture: 's390x' };
    const many = (of: object) => Array.from({ length: 1000 }, () => ({ ...of, platform: other }));
    let maze = await index([]);
    for (let depth = 0; depth < 2; depth++) maze = await index(many(maze));
    const root = await index([...many(maze).slice(1), { ...(await index([wanted])), platform }]);
    await memory.tag(root, '1');
    const wide: object[] = [];
    for (let at = 0; at < 101; at++)
      wide.push({ ...(await index([{ ...another, annotations: { at: `${at}` } }])), platform: other });
    const reference = parseReference('h.io/acme/base:1');
    if (reference.transport !== 'registry') throw new Error('no registry');
    const engine = {
      name: 'train',
      description: '',
      kind: 'custom',
      catalog: 'test',
      sources: { base: { kind: 'image', reference } },
      parts: [],
      environment: [],
    } as const;
    let read = 0;
    const place: Target = {
      ...memory,
      fetch: (...about) => {
        if (++read > 1000) throw new Error('it reads and reads');
        return memory.fetch(...about);
      },
    };
    const inputs = { target: () => place, platform, directoryExists: async () => false };
    const all = { ...inputs, known: () => undefined };
    const lock = await resolveEngine(engine, inputs);
    await writeEngine(lock, memory, { content: () => place });
    await lockEngine(engine, all);
    expect(read).toBeLessThan(100);
    await memory.tag(await index([...wide, { ...(await index([wanted])), platform }]), '1');
    const tooMany = await resolveEngine(engine, inputs);
    await expect(writeEngine(tooMany, memory, { content: () => place })).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
    });
    await expect(lockEngine(engine, all)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('is read as it was written', async () => {
    const [engine] = await readExportedEngines(await exported(() => undefined));
    expect(engine?.lock).toMatchObject({
      name: 'train',
      environment: [{ name: 'BASE_DIR' }, { name: 'WORDS' }],
    });
  });

  it.each<[string, (lock: Json) => void]>([
    ['a name with a path', (lock) => Object.assign(lock, { name: '../train' })],
    ['a name that poses as an option', (lock) => Object.assign(lock, { name: '-train' })],
    [
      'a source with a path',
      (lock) => Object.assign(lock, { sources: { '../base': lock.sources.base }, parts: [] }),
    ],
    ['a source with no plain name', (lock) => Object.assign(lock.sources, { proto: lock.sources.base })],
    ['a part above its source', (lock) => Object.assign(lock.parts[0], { path: '../../etc' })],
    ['a part elsewhere', (lock) => Object.assign(lock.parts[0], { path: '/etc' })],
    ['a part elsewhere on Windows', (lock) => Object.assign(lock.parts[0], { path: 'C:/x' })],
    ['a part twice', (lock) => lock.parts.push(lock.parts[0])],
    ['a part of no source', (lock) => Object.assign(lock.parts[0], { source: 'toString' })],
    ['a variable above its part', (lock) => Object.assign(lock.environment[0], { path: '..' })],
    ['a variable that is none', (lock) => Object.assign(lock.environment[1], { name: 'A=B' })],
    ['a value with a NUL', (lock) => Object.assign(lock.environment[1], { value: 'a\0b' })],
    [
      'a directory of this machine',
      (lock) => Object.assign(lock.sources, { base: { kind: 'directory', path: '/etc' } }),
    ],
    [
      'a reference with control characters',
      (lock) => Object.assign(lock.sources.base, { reference: 'h.io/a\u001b[2J' }),
    ],
    [
      'another layer than the image',
      (lock) => Object.assign(lock.sources.base.layers[0], { diffId: digestOf('x') }),
    ],
    ['another config than the image', (lock) => Object.assign(lock.sources.base.config, { size: 5 })],
    [
      'annotations that the image has not',
      (lock) => Object.assign(lock.sources.base.annotations, { a: 'b' }),
    ],
    [
      'an index that the image is not in',
      (lock) => Object.assign(lock.sources.base, { resolved: lock.sources.base.config.digest }),
    ],
  ])('is refused where its lock has %s', async (_what, change) => {
    await expect(readExportedEngines(await exported(change))).rejects.toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^(?:MANIFEST_INVALID|JSON_INVALID|REFERENCE_NOT_FOUND|SIZE_MISMATCH)$/),
      }),
    );
  });

  it.each([
    ...[
      'LD_PRELOAD',
      'DYLD_INSERT_LIBRARIES',
      'PATH',
      'HOME',
      'BASH_ENV',
      'ENV',
      'IFS',
      'PROMPT_COMMAND',
      'PYTHONPATH',
    ],
    ...['NODE_OPTIONS', 'JAVA_TOOL_OPTIONS', 'GIT_SSH_COMMAND', 'HTTPS_PROXY', 'no_proxy', 'SSL_CERT_FILE'],
    ...['DOCKER_CONFIG', 'REGISTRY_AUTH_FILE', 'ENGINESHED_HOME'],
  ])('may not set %s', async (name) => {
    const from = await exported((lock) => Object.assign(lock.environment[1], { name }));
    await expect(readExportedEngines(from)).rejects.toMatchObject({
      code: 'MANIFEST_INVALID',
      message: expect.stringContaining(`may not set ${name}`),
    });
  });
});
