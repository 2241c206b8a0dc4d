import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../src/catalog/index.js';
import { mergeRules, type Place, placesOf } from '../../src/mirrors/index.js';

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

  it('are by the later list, with the port of https or without', () => {
    const [machine, user] = [
      rules('[[registry]]\nprefix = "a.io:443/x"'),
      rules('[[registry]]\nprefix = "a.io/x"\nblocked = true'),
    ];
    const named = { registry: 'a.io', repository: 'x/y' };
    expect(() => placesOf(mergeRules(machine, user), named)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    expect(placesOf(mergeRules(user, machine), named).mirrors).toEqual([]);
  });

  describe('where the project has rules, too', () => {
    const rule = (prefix: string, more = '') => `[[registry]]\nprefix = "${prefix}"\n${more}\n`;
    const block = 'blocked = true';
    const both = (own: string, project: string) =>
      mergeRules(
        rules(own),
        rules(project).map((one) => ({ ...one, ofProject: true })),
      );
    const named = (name: string) => {
      const [registry = '', ...path] = name.split('/');
      return { registry, repository: path.join('/') };
    };
    const asked = (own: string, project: string, name: string) => {
      const { mirrors, location } = placesOf(both(own, project), named(name));
      return [...mirrors, location].map(show);
    };

    it.each([
      ['of one prefix', rule('a.io', 'location = "m.io"'), rule('a.io', 'location = "n.io"'), ['n.io/x/y']],
      [
        'of a longer prefix',
        rule('a.io', 'location = "m.io"'),
        rule('a.io/x', 'location = "n.io/z"'),
        ['n.io/z/y'],
      ],
      [
        'of a shorter prefix',
        rule('a.io/x', 'location = "m.io/z"'),
        rule('a.io', 'location = "n.io"'),
        ['m.io/z/y'],
      ],
      ['beside an exception', `${rule('a.io', block)}${rule('a.io/x')}`, rule('b.io', block), ['a.io/x/y']],
    ])('has its word: %s', (_, own, project, expected) => {
      expect(asked(own, project, 'a.io/x/y')).toEqual(expected);
    });

    it.each([
      ['by the same prefix', rule('a.io', block), rule('a.io', 'location = "n.io"')],
      ['by a longer prefix', rule('a.io', block), rule('a.io/x')],
      ['by a name for a wildcard', rule('*.io', block), rule('a.io')],
      ['by the port of https', rule('a.io', block), rule('a.io:443')],
      ['of its own', rule('a.io'), rule('a.io', block)],
    ])('undoes no block: %s', (_, own, project) => {
      for (const name of ['a.io/x/y', 'a.io:443/x/y'])
        expect(() => asked(own, project, name)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    });

    it('leads to no place that is blocked', () => {
      const own = `${rule('a.io', block)}${rule('a.io/good')}`;
      expect(() => asked(own, rule('b.io', 'location = "a.io/bad"'), 'b.io/x')).toThrow(
        expect.objectContaining({ code: 'FORBIDDEN', message: 'a.io/bad/x is blocked' }),
      );
      expect(asked(own, rule('b.io', 'location = "a.io/good"'), 'b.io/x')).toEqual(['a.io/good/x']);
      const mirrors = ['a.io:443', 'a.io/good', 'c.io'].map(
        (one) => `[[registry.mirror]]\nlocation = "${one}"`,
      );
      expect(asked(own, rule('b.io', mirrors.join('\n')), 'b.io/x')).toEqual([
        'a.io/good/x',
        'c.io/x',
        'b.io/x',
      ]);
      // What the user's own rules lead to is the user's word.
      expect(asked(`${own}${rule('b.io', 'location = "a.io"')}`, '', 'b.io/x')).toEqual(['a.io/x']);
    });
  });

  it('are refused where the location is a host for a whole repository', () => {
    expect(() => places('[[registry]]\nprefix = "a.io/x"\nlocation = "m.io"', 'a.io/x')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('"m.io"') }),
    );
  });
});
