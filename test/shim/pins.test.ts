import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import { type Case, itSelects, pin, somebody } from './selecting.js';
import { makeStand, selectedByProgram, selectedByShim, shells } from './stand.js';

const cases: readonly Case[] = [
  ...[
    'engine = "second"\n',
    "engine='second'",
    '\ufeffengine = "second"\n',
    '# why\n\n\tengine\t=\t"second"\t# because\n[overrides]\n',
    'engine = "second"\r\n[overrides]\r\n',
    'engines = "first"\nengine-x = "first"\nengine.x = "first"\nengine = "second"\n',
  ].map(
    (text): Case => ({ title: `the pin ${JSON.stringify(text)}`, prepare: pin(text), expected: 'second' }),
  ),
  ...[
    'engine = second\n',
    'engine = ""',
    'engine = "../second"\n',
    'engine = "second" x\n',
    'engine = """second"""\n',
    'engine = \n',
    'engine = "second\'\n',
  ].map(
    (text): Case => ({
      title: `the pin ${JSON.stringify(text)} cannot be read`,
      prepare: pin(text),
      expected: 'handed over',
    }),
  ),
  ...[
    '[engines]\nengine = "second"\n',
    '  [a]\nengine = "second"\n',
    'default = "second"\n',
    '',
    'engine\n',
  ].map(
    (text): Case => ({
      title: `the file ${JSON.stringify(text)} pins none`,
      prepare: async (stand) => {
        await stand.use('first');
        pin(text)(stand);
      },
      expected: 'later',
    }),
  ),
  {
    title: 'a pin comes before "use"',
    prepare: async (stand) => {
      await stand.use('first');
      pin('engine = "second"\n')(stand);
    },
    expected: 'second',
  },
  {
    title: 'the pin of an engine that is not there',
    prepare: pin('engine = "third"\n'),
    expected: 'handed over',
  },
  {
    title: 'the nearest pin counts',
    prepare: (stand) => {
      pin('engine = "first"\n')(stand);
      stand.write('project/sub/engineshed.toml', 'engine = "second"\n');
    },
    expected: 'second',
  },
  {
    title: 'a file without a pin is passed by',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      stand.write('project/sub/engineshed.toml', '[engines]\n');
    },
    expected: 'second',
  },
  {
    title: 'a pin that cannot be read is not passed by',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      stand.write('project/sub/engineshed.toml', 'engine = 1\n');
    },
    expected: 'handed over',
  },
  {
    title: 'a directory of that name is no file',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      mkdirSync(`${stand.home}/project/sub/engineshed.toml`);
    },
    expected: 'second',
  },
  {
    title: 'a link that leads nowhere is no file',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      symlinkSync('nowhere', `${stand.home}/project/sub/engineshed.toml`);
    },
    expected: 'second',
  },
  {
    title: 'a project is found by the real parents of the working directory',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      stand.write('engineshed.toml', 'engine = "first"\n');
      symlinkSync('project/sub', `${stand.home}/short`);
    },
    call: { directory: 'short', environment: { PWD: 'short' } },
    expected: 'second',
  },
  ...(
    [
      ['that of root is taken', 0, 0o1777, 'second'],
      ['that of somebody else is not', somebody, 0o1777, 'handed over'],
      ['nor without the sticky bit', somebody, 0o777, 'handed over'],
      ['that of somebody else in a directory of ours is', somebody, 0o755, 'second'],
    ] as const
  ).map(
    ([title, owner, mode, expected]): Case => ({
      title: `of files in a directory, ${title}`,
      as: 'root',
      prepare: (stand) => {
        pin('engine = "second"\n')(stand);
        chownSync(`${stand.home}/project/engineshed.toml`, owner, owner);
        chmodSync(`${stand.home}/project`, mode);
      },
      expected,
    }),
  ),
];

describe('a shim selects what Engineshed selects', () => {
  itSelects(cases);

  it('for any text of a pin', { timeout: fuzzTimeout }, async () => {
    const stand = await makeStand();
    await stand.use('first');
    const word = fc.constantFrom(
      'engine',
      'second',
      '=',
      ' = ',
      '"',
      "'",
      '"second"',
      "'second'",
      '#',
      '[',
      ' ',
      '\t',
      '\r',
      '\n',
      '\n',
      '\\',
      '\ufeff',
      '.',
      'x',
      '[a]',
      '$(x)',
      '*',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        stand.write('project/engineshed.toml', words.join(''));
        const wanted = selectedByProgram(stand, {});
        for (const shell of [['dash'], ['bash']]) expect(selectedByShim(stand, shell, {})).toBe(wanted);
      }),
      {
        ...fuzzing(150),
        examples: [
          [['engine', ' = ', '"second"', '\n']],
          [['[', '\n', 'engine', '=', "'second'"]],
          [['engine', '=', '"second"', ' ', 'x']],
        ],
      },
    );
  });

  it('where the working directory is gone', async () => {
    const stand = await makeStand();
    await stand.use('first');
    pin('engine = "second"\n')(stand);
    for (const shell of shells) {
      mkdirSync(`${stand.home}/project/gone`);
      const command = `cd gone; rmdir ../gone; exec ${shell.join(' ')} "$0"`;
      const output = execFileSync('sh', ['-c', command, stand.store.paths.shim('say')], {
        cwd: `${stand.home}/project`,
        env: stand.environment,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect([shell, output.split('\n')[0]]).toEqual([shell, stand.later]);
    }
  });

  it('in a file that ends without a line end, and where there are many directories', async () => {
    const stand = await makeStand();
    const deep = `${stand.home}/project/${'d/'.repeat(60)}`;
    mkdirSync(deep, { recursive: true });
    writeFileSync(`${stand.home}/project/engineshed.toml`, 'engine = "second"');
    for (const shell of shells) expect(selectedByShim(stand, shell, { directory: deep })).toBe(stand.second);
  });
});
