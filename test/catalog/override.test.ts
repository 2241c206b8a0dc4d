import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Catalogs,
  findEngine,
  loadCatalogs,
  mergeCatalogs,
  overridableSources,
  overrideSource,
  parseCatalog,
} from '../../src/catalog/index.js';
import type { EngineDefinition, SourceDefinition } from '../../src/engine/index.js';
import { type Digest, formatReference, parseReference } from '../../src/oci/index.js';

let hamlet: Catalogs;
beforeAll(async () => {
  hamlet = await loadCatalogs([]);
});

const digest = `sha256:${'a'.repeat(64)}` as Digest;
const directory: SourceDefinition = { kind: 'directory', path: '/home/ada/aws' };
const image = (text: string): SourceDefinition => {
  const reference = parseReference(text);
  if (reference.transport !== 'registry') throw new Error(text);
  return { kind: 'image', reference };
};
const shown = ({ sources }: EngineDefinition, name: string) => {
  const source = sources[name];
  if (source === undefined) return undefined;
  return source.kind === 'directory' ? source.path : formatReference(source.reference);
};
const partOf = ({ parts }: EngineDefinition, type: string) => parts.find((part) => part.type === type);

describe('overrideSource', () => {
  it('takes the place of a source; parts and all else stay', () => {
    const unicycle = findEngine(hamlet, 'unicycle');
    const changed = overrideSource(hamlet, unicycle, 'engine-plugin-aws', image('quay.io/me/aws:x'));
    expect(changed).toEqual({
      ...unicycle,
      sources: { ...unicycle.sources, 'engine-plugin-aws': image('quay.io/me/aws:x') },
    });
    expect(Object.keys(changed.sources)).toEqual(Object.keys(unicycle.sources));
    expect(shown(unicycle, 'engine-plugin-aws')).toBe('ghcr.io/hamlet-io/engine-plugin-aws:edge');
  });

  it('takes a tag or a digest in the repository of the source', () => {
    const unicycle = findEngine(hamlet, 'unicycle');
    const change = (version: { tag?: string; digest?: Digest }) =>
      shown(overrideSource(hamlet, unicycle, 'engine', { kind: 'version', ...version }), 'engine');
    expect(change({ tag: 'feature-x' })).toBe('ghcr.io/hamlet-io/engine:feature-x');
    expect(change({ digest })).toBe(`ghcr.io/hamlet-io/engine@${digest}`);
    expect(change({ tag: 'v1', digest })).toBe(`ghcr.io/hamlet-io/engine:v1@${digest}`);
  });

  it('takes the parts of one component out of a consolidated image', () => {
    const changed = overrideSource(hamlet, findEngine(hamlet, 'train'), 'engine-plugin-aws', directory);
    expect(Object.keys(changed.sources)).toEqual(['hamlet-engine-base', 'engine-plugin-aws']);
    expect(partOf(changed, 'engine-plugin-aws')).toEqual({
      type: 'engine-plugin-aws',
      source: 'engine-plugin-aws',
      path: '.',
    });
    expect(partOf(changed, 'engine-plugin-azure')?.source).toBe('hamlet-engine-base');
  });

  it('keeps the rest of the path inside the component', () => {
    const train = findEngine(hamlet, 'train');
    expect(partOf(overrideSource(hamlet, train, 'engine-core', directory), 'bundled-engine-wrapper')).toEqual(
      {
        type: 'bundled-engine-wrapper',
        source: 'engine-core',
        path: 'image',
      },
    );
    const old = overrideSource(hamlet, findEngine(hamlet, '8.4.0'), 'engine-core', directory);
    expect(partOf(old, 'engine-wrapper')).toMatchObject({ source: 'engine-core', path: '.' });
  });

  it('does not take a longer name for the component', () => {
    // "engine" begins "engine-plugin-aws" too.
    const changed = overrideSource(hamlet, findEngine(hamlet, 'train'), 'engine', directory);
    expect(changed.parts.filter(({ source }) => source === 'engine').map(({ type }) => type)).toEqual([
      'core-engine',
    ]);
  });

  it('finds the repository of a component in another engine', () => {
    const train = findEngine(hamlet, 'train');
    const change = (catalogs: Catalogs) =>
      shown(
        overrideSource(catalogs, train, 'engine-plugin-aws', { kind: 'version', tag: 'x' }),
        'engine-plugin-aws',
      );
    expect(change(hamlet)).toBe('ghcr.io/hamlet-io/engine-plugin-aws:x');
    const later = parseCatalog(
      '[engines."own-{version}"]\nsources.engine-plugin-aws = { image = "quay.io/me/aws:{version}" }',
      { name: 'engineshed.toml', baseDirectory: '/project' },
    );
    const only = mergeCatalogs([later]);
    expect(change(only)).toBe('quay.io/me/aws:x');
  });

  it('says which names there are', () => {
    const train = findEngine(hamlet, 'train');
    const names =
      'hamlet-engine-base, engine, executor-bash, engine-plugin-aws, engine-plugin-azure, engine-core';
    expect(overridableSources(train).join(', ')).toBe(names);
    const refuse = (name: string) => () => overrideSource(hamlet, train, name, directory);
    expect(refuse('engine-plugin-asw')).toThrow(
      expect.objectContaining({
        code: 'SOURCE_UNKNOWN',
        message: 'The engine train has no source "engine-plugin-asw"',
        hint: `Did you mean "engine-plugin-aws"? There are: ${names}.`,
      }),
    );
    expect(refuse('aws')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('Did you mean "engine-plugin-aws"?') }),
    );
    for (const name of ['', '.', '..', 'constructor', '__proto__', 'engine/'])
      expect(refuse(name), name).toThrow(expect.objectContaining({ code: 'SOURCE_UNKNOWN' }));
  });

  it('refuses a version where there is none to choose', () => {
    const unicycle = overrideSource(hamlet, findEngine(hamlet, 'unicycle'), 'engine', directory);
    expect(() => overrideSource(hamlet, unicycle, 'engine', { kind: 'version', tag: 'x' })).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('which has no tags') }),
    );
    const train = findEngine(hamlet, 'train');
    expect(() => overrideSource(mergeCatalogs([]), train, 'engine', { kind: 'version', tag: 'x' })).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('in full') }),
    );
  });
});
