import { beforeAll, describe, expect, it } from 'vitest';
import { memoryTarget, type Target } from '../../src/content/index.js';
import {
  type EngineDefinition,
  type EngineLock,
  formatProjectLock,
  lockDifferences,
  lockEngine,
  lockId,
  maxLockBytes,
  parseProjectLock,
  resolveEngine,
} from '../../src/engine/index.js';
import {
  buildImage,
  describe as describeBytes,
  digestOf,
  mediaTypes,
  parseReference,
} from '../../src/oci/index.js';

const path = '/home/me/project/engineshed.lock';
const platform = { os: 'linux', architecture: 'amd64' };
const from = (bytes: Uint8Array) => async () =>
  (async function* () {
    yield bytes;
  })();

async function put(target: Target, tag: string): Promise<void> {
  const text = Buffer.from(`layer ${tag}`);
  const layers = [{ descriptor: describeBytes(mediaTypes.layerTar, text), diffId: digestOf(text) }];
  const { config, manifest } = buildImage({
    layers,
    platform,
    annotations: { a: 'b\nc' },
    createdBy: 'test',
  });
  await target.push(layers[0]?.descriptor ?? config.descriptor, from(text));
  await target.push(config.descriptor, from(config.bytes));
  await target.push(manifest.descriptor, from(manifest.bytes));
  await target.tag(manifest.descriptor, tag);
}

const definition = (layout = '/home/me/images'): EngineDefinition => {
  const reference = parseReference('registry.example.com/acme/core:edge');
  if (reference.transport !== 'registry') throw new Error('no registry');
  return {
    name: 'acme',
    description: 'Acme',
    kind: 'custom',
    catalog: '/home/me/project/engineshed.toml',
    sources: {
      plugin: { kind: 'layout', reference: { transport: 'oci', path: layout, tag: 'edge' } },
      core: { kind: 'image', reference },
    },
    parts: [
      { type: 'core', source: 'core', path: '.' },
      { type: 'plugin', source: 'plugin', path: '.' },
    ],
    environment: [{ name: 'CORE', kind: 'part', part: 'core', path: undefined }],
  };
};

let target: Target;
let lock: EngineLock;
let text: string;
const lockOf = (asked: EngineDefinition) =>
  lockEngine(asked, { target: () => target, directoryExists: async () => true, known: () => undefined });
beforeAll(async () => {
  target = memoryTarget();
  await put(target, 'edge');
  lock = await lockOf(definition());
  text = formatProjectLock(lock, path);
});

const parse = (content: string | Uint8Array) =>
  parseProjectLock(typeof content === 'string' ? Buffer.from(content) : content, path);
const refused = (message: string, hint?: string) =>
  expect.objectContaining({
    code: 'LOCK_INVALID',
    message: expect.stringContaining(message),
    ...(hint === undefined ? {} : { hint: expect.stringContaining(hint) }),
  });
// biome-ignore lint/suspicious/noExplicitAny: a lock is changed in every way
const changed = (edit: (file: any) => void) => {
  const file = JSON.parse(text);
  edit(file);
  return `${JSON.stringify(file, null, 2)}\n`;
};

describe('the lock of a project', () => {
  it('is read as it was written, and written the same again', () => {
    const read = parse(text);
    expect(read.sources).toEqual(lock.sources);
    expect(lockId(read)).toBe(lockId(lock));
    expect(lockDifferences(definition(), read)).toEqual([]);
    expect(formatProjectLock(read, path)).toBe(text);
    expect(text.startsWith(`{\n  "version": 1,\n  "engine": "acme",\n  "id": "${lockId(lock)}",\n`)).toBe(
      true,
    );
    expect(parse(text.replaceAll('\n', '\r\n')).sources).toEqual(lock.sources);
  });

  it('has the id of a state that is resolved for one platform, where all is for one', async () => {
    const state = await resolveEngine(definition(), {
      target: () => target,
      platform,
      directoryExists: async () => true,
    });
    expect(lockId(state)).toBe(lockId(lock));
  });

  it('is the same wherever the project lies, with a layout near it', async () => {
    expect(text).toContain('"oci:../images:edge"');
    const elsewhere = await lockOf(definition('/builds/images'));
    expect(formatProjectLock(elsewhere, '/builds/project/engineshed.lock')).toBe(text);
    const far = await lockOf(definition('/srv/images'));
    expect(formatProjectLock(far, path)).toContain('"oci:/srv/images:edge"');
  });

  it.each([
    [
      'version',
      (file) => {
        file.version = 2;
      },
      'has version 2',
      'Update Engineshed',
    ],
    [
      'text for a version',
      (file) => {
        file.version = '1';
      },
      'does not begin with',
    ],
    [
      'an id that is another',
      (file) => {
        file.id = '0123456789abcdef';
      },
      'has an id that is not that of its content',
    ],
    [
      'another digest',
      (file) => {
        file.sources.core.images[0].manifest.digest = `sha256:${'0'.repeat(64)}`;
      },
      'has an id that is not that of its content',
    ],
    [
      'another layer',
      (file) => {
        file.sources.core.images[0].layers[0].diffId = `sha256:${'0'.repeat(64)}`;
      },
      'has an id that is not that of its content',
    ],
    [
      'another part',
      (file) => {
        file.parts[0].path = 'elsewhere';
      },
      'has an id that is not that of its content',
    ],
    [
      'an unknown key',
      (file) => {
        file.more = 1;
      },
      'has the key "more"',
    ],
    [
      'an unknown key of a source',
      (file) => {
        file.sources.core.more = 1;
      },
      'which is not known',
    ],
    [
      'no image',
      (file) => {
        file.sources.core.images = [];
      },
      'cannot be read',
    ],
    [
      'an image that is a directory',
      (file) => {
        file.sources.core.images[0] = { kind: 'directory', path: '/etc' };
      },
      'cannot be read',
    ],
    [
      'sources that are none',
      (file) => {
        file.sources = [];
      },
      'is not made of tables',
    ],
    [
      'a path that leads out',
      (file) => {
        file.parts[0].path = '../..';
      },
      'cannot be read',
    ],
    [
      'control characters',
      (file) => {
        file.sources.core.reference = 'registry.example.com/a:b\u001b[2J';
      },
      'cannot be read',
    ],
    [
      'a variable that others obey',
      (file) => {
        file.environment[0].name = 'LD_PRELOAD';
      },
      'may not set LD_PRELOAD',
    ],
    [
      'a name that is a path',
      (file) => {
        file.engine = '../../etc';
      },
      'cannot be read',
    ],
    [
      'a size that is no number',
      (file) => {
        file.sources.core.images[0].config.size = '12';
      },
      'cannot be read',
    ],
    // biome-ignore lint/suspicious/noExplicitAny: a lock is changed in every way
  ] as [string, (file: any) => void, string, string?][])(
    'is refused with %s',
    (_what, edit, message, hint) => {
      expect(() => parse(changed(edit))).toThrow(refused(message, hint));
    },
  );

  it.each([
    ['nothing', ''],
    ['no JSON', 'version: 1\n'],
    ['a list', '[]\n'],
    ['null', 'null\n'],
    ['deep nesting', '['.repeat(100_000)],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0xfe])],
  ] as const)('is refused where it is %s', (_what, content) => {
    expect(() => parse(content)).toThrow(expect.objectContaining({ code: 'LOCK_INVALID' }));
  });

  it('is refused with a key twice, as it could mean two things', () => {
    expect(() => parse(text.replace('  "id":', '  "id": "0123456789abcdef",\n  "id":'))).toThrow(
      refused('twice'),
    );
  });

  it('is refused where its head is not on lines of its own, as shells read it', () => {
    expect(() => parse(JSON.stringify(JSON.parse(text)))).toThrow(refused('does not begin with'));
  });

  it('says what to do where a merge is not finished', () => {
    const merged = text.replace('  "id"', '<<<<<<< HEAD\n  "id": "1",\n=======\n  "id"');
    expect(() => parse(merged)).toThrow(refused('marks of a merge', 'git checkout --theirs'));
  });

  it('is not read where it is huge', () => {
    expect(() => parse(Buffer.alloc(maxLockBytes + 1, 0x20))).toThrow(refused('bytes'));
  });

  it('cannot be written where it could not be read again', async () => {
    const engine = { ...definition(), environment: [{ name: 'PATH', kind: 'value', value: '/x' } as const] };
    const steering = await lockOf(engine);
    expect(() => formatProjectLock(steering, path)).toThrow(refused('may not set PATH'));
  });

  it('of an engine that comes with Engineshed fits a newer Engineshed', () => {
    const newer = { ...definition(), environment: [] };
    expect(lockDifferences(newer, lock)).toEqual(['the variable "CORE" is another in the lock']);
    expect(lockDifferences({ ...newer, catalog: 'hamlet' }, lock)).toEqual([]);
  });
});
