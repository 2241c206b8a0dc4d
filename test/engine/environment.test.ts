import { describe, expect, it } from 'vitest';
import {
  type EngineDefinition,
  type EngineLock,
  type EnvironmentRule,
  engineEnvironment,
  isVariableName,
  type LockedSource,
  lockId,
} from '../../src/engine/index.js';
import { type Digest, digestOf } from '../../src/oci/index.js';

const rules: EnvironmentRule[] = [
  { name: 'FIXED', kind: 'value', value: '' },
  { name: 'DIR', kind: 'part', part: 'core', path: undefined },
  { name: 'DOT', kind: 'part', part: 'core', path: '.' },
  { name: 'FILE', kind: 'part', part: 'core', path: 'a/b' },
  { name: 'BY_PLATFORM', kind: 'part', part: 'core', path: { linux: 'l', win32: 'w.bat' } },
  { name: 'LACKING', kind: 'part', part: 'missing', path: 'x' },
  { name: 'SOME', kind: 'parts', parts: ['missing', 'core', 'plugin'], separator: ';' },
  { name: 'NONE', kind: 'parts', parts: ['missing'], separator: ';' },
  { name: 'YES', kind: 'has-part', part: 'core', yes: 'y', no: 'n' },
  { name: 'NO', kind: 'has-part', part: 'missing', yes: 'y', no: 'n' },
];
const engine = {
  parts: [
    { type: 'core', source: 's', path: '.' },
    { type: 'plugin', source: 's', path: 'p' },
  ],
  environment: rules,
};

describe('engineEnvironment', () => {
  const at = (root: string, platform: string) =>
    engineEnvironment(engine, (part) => (part.path === '.' ? root : `${root}/${part.path}`), platform);

  it('sets what the rules say and unsets the rest', () => {
    expect(at('/e', 'linux')).toEqual({
      set: {
        FIXED: '',
        DIR: '/e',
        DOT: '/e',
        FILE: '/e/a/b',
        BY_PLATFORM: '/e/l',
        SOME: '/e;/e/p',
        YES: 'y',
        NO: 'n',
      },
      unset: ['LACKING', 'NONE'],
    });
  });

  it('goes by the platform', () => {
    expect(at('C:\\e', 'win32').set.BY_PLATFORM).toBe('C:\\e/w.bat');
    expect(at('/e', 'aix').unset).toEqual(['BY_PLATFORM', 'LACKING', 'NONE']);
    expect(at('/e', 'constructor').unset).toContain('BY_PLATFORM');
  });

  it('rejects a path that would tear a list apart', () => {
    expect(() => at('/a;b', 'linux')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('/a;b') }),
    );
  });
});

describe('isVariableName', () => {
  it.each(['A', '_', 'a1_B', '__proto__'])('takes %s', (name) => expect(isVariableName(name)).toBe(true));
  it.each(['', '1', 'A-B', 'A\n', 'Ä', 'A.B'])('D04 rejects %j', (name) =>
    expect(isVariableName(name)).toBe(false),
  );
});

describe('lockId', () => {
  const descriptor = (text: string) => ({ mediaType: 'a/b', digest: digestOf(text), size: 1 });
  const source: LockedSource = {
    kind: 'image',
    reference: 'h.io/a:t',
    resolved: digestOf('index'),
    manifest: descriptor('manifest'),
    config: descriptor('config'),
    layers: [{ descriptor: descriptor('layer'), diffId: digestOf('diff') }],
    annotations: {},
  };
  const lock: EngineLock = {
    name: 'e',
    description: '',
    kind: 'custom',
    catalog: 'c',
    sources: { one: source, two: { kind: 'directory', path: '/d' } },
    parts: engine.parts,
    environment: rules,
  };
  const id = lockId(lock);

  it('is 16 hexadecimal digits that stay the same from release to release', () => {
    expect(id).toBe('7bb011a65499fa4d');
  });

  it('does not depend on where the content came from', () => {
    const moved: LockedSource = {
      ...source,
      kind: 'layout',
      reference: 'oci:/x:t',
      resolved: digestOf('other'),
    };
    const told: Partial<EngineDefinition> = { description: 'x', kind: 'channel', catalog: 'y' };
    expect(
      lockId({ ...lock, ...told, sources: { two: { kind: 'directory', path: '/d' }, one: moved } }),
    ).toBe(id);
    expect(
      lockId({ ...lock, parts: [...lock.parts].reverse(), environment: [...lock.environment].reverse() }),
    ).toBe(id);
  });

  it.each<[string, Partial<EngineLock>]>([
    ['name', { name: 'f' }],
    ['name of a source', { sources: { uno: source, two: { kind: 'directory', path: '/d' } } }],
    ['directory', { sources: { one: source, two: { kind: 'directory', path: '/e' } } }],
    ['manifest', { sources: { ...lock.sources, one: { ...source, manifest: descriptor('other') } } }],
    [
      'content',
      {
        sources: {
          ...lock.sources,
          one: { ...source, layers: [{ descriptor: descriptor('layer'), diffId: digestOf('x') as Digest }] },
        },
      },
    ],
    ['parts', { parts: [] }],
    ['environment', { environment: [] }],
  ])('differs with another %s', (_what, change) => {
    expect(lockId({ ...lock, ...change })).not.toBe(id);
  });
});
