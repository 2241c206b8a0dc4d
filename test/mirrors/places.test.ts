import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../src/catalog/index.js';
import { type Place, placesOf } from '../../src/mirrors/index.js';

function rules(toml: string) {
  return parseCatalog(toml, { name: 'engineshed.toml', baseDirectory: '/project' }).registries;
}

const show = ({ registry, repository, insecure, pull }: Place) =>
  `${registry}/${repository}${insecure ? ' insecure' : ''}${pull === 'all' ? '' : ` ${pull}`}`;

function places(toml: string, name: string) {
  const slash = name.indexOf('/');
  const { mirrors, location } = placesOf(rules(toml), {
    registry: name.slice(0, slash),
    repository: name.slice(slash + 1),
  });
  return [...mirrors, location].map(show);
}

describe('the places of a repository', () => {
  it.each([
    ['no rule', '', 'a.io/x', ['a.io/x']],
    ['another host', '[[registry]]\nprefix = "b.io"\nlocation = "m.io"', 'a.io/x', ['a.io/x']],
    ['a host moved', '[[registry]]\nprefix = "a.io"\nlocation = "m.io"', 'a.io/x/y', ['m.io/x/y']],
    [
      'a host moved to a path',
      '[[registry]]\nprefix = "a.io"\nlocation = "m.io/p"',
      'a.io/x/y',
      ['m.io/p/x/y'],
    ],
    ['a path moved', '[[registry]]\nprefix = "a.io/x"\nlocation = "m.io/p/q"', 'a.io/x/y', ['m.io/p/q/y']],
    ['a repository moved', '[[registry]]\nprefix = "a.io/x/y"\nlocation = "m.io/z"', 'a.io/x/y', ['m.io/z']],
    ['part of a component', '[[registry]]\nprefix = "a.io/x"\nlocation = "m.io"', 'a.io/xy/z', ['a.io/xy/z']],
    ['another port', '[[registry]]\nprefix = "a.io"\nlocation = "m.io"', 'a.io:5000/x', ['a.io:5000/x']],
    [
      'names of Docker Hub',
      '[[registry]]\nprefix = "index.docker.io"\nlocation = "m.io/hub"',
      'docker.io/library/x',
      ['m.io/hub/library/x'],
    ],
    ['a location alone', '[[registry]]\nlocation = "a.io"\ninsecure = true', 'a.io/x', ['a.io/x insecure']],
    [
      'the longest prefix',
      '[[registry]]\nprefix = "a.io/x"\nlocation = "m.io/1"\n[[registry]]\nprefix = "a.io/x/y"\nlocation = "m.io/2"\n[[registry]]\nprefix = "a.io"\nlocation = "m.io/3"',
      'a.io/x/y/z',
      ['m.io/2/z'],
    ],
    ['a wildcard', '[[registry]]\nprefix = "*.a.io"\nlocation = "m.io/all"', 'r.s.a.io/x', ['m.io/all/x']],
    [
      'a wildcard without location',
      '[[registry]]\nprefix = "*.a.io"\n[[registry.mirror]]\nlocation = "m.io/p"',
      'r.a.io/x',
      ['m.io/p/x', 'r.a.io/x'],
    ],
    [
      'a wildcard and its own domain',
      '[[registry]]\nprefix = "*.a.io"\nlocation = "m.io"',
      'a.io/x',
      ['a.io/x'],
    ],
    [
      'a wildcard and an end that is none',
      '[[registry]]\nprefix = "*.a.io"\nlocation = "m.io"',
      'ba.io/x',
      ['ba.io/x'],
    ],
    [
      'a name before a wildcard',
      '[[registry]]\nprefix = "*.a.io"\nlocation = "m.io/1"\n[[registry]]\nprefix = "r.a.io"\nlocation = "m.io/2"',
      'r.a.io/x',
      ['m.io/2/x'],
    ],
    [
      'a long wildcard before a short one',
      '[[registry]]\nprefix = "*.io"\nlocation = "m.io/1"\n[[registry]]\nprefix = "*.a.io"\nlocation = "m.io/2"',
      'r.a.io/x',
      ['m.io/2/x'],
    ],
    [
      'mirrors in order',
      '[[registry]]\nprefix = "a.io/x"\n[[registry.mirror]]\nlocation = "m.io"\ninsecure = true\n[[registry.mirror]]\nlocation = "n.io/p/x"\npull-from-mirror = "tag-only"',
      'a.io/x/y',
      ['m.io/y insecure', 'n.io/p/x/y tag-only', 'a.io/x/y'],
    ],
    [
      'mirrors by digest only',
      '[[registry]]\nprefix = "a.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.io"',
      'a.io/y',
      ['m.io/y digest-only', 'a.io/y'],
    ],
  ])('%s', (_what, toml, name, expected) => {
    expect(places(toml, name)).toEqual(expected);
  });

  it('are refused where the rule blocks them', () => {
    const blocking = '[[registry]]\nprefix = "a.io"\n[[registry]]\nprefix = "a.io/x"\nblocked = true';
    expect(places(blocking, 'a.io/y')).toEqual(['a.io/y']);
    expect(() => places(blocking, 'a.io/x/y')).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: 'a.io/x/y is blocked',
        hint: expect.stringMatching(/prefix "a.io\/x" in engineshed.toml/),
      }),
    );
  });

  it('are refused where the location is a host for a whole repository', () => {
    expect(() => places('[[registry]]\nprefix = "a.io/x"\nlocation = "m.io"', 'a.io/x')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('"m.io"') }),
    );
  });
});
