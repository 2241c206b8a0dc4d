import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/layer/remove.js';
import { fuzzing, fuzzTimeout } from '../support/fuzzing.js';
import {
  type Call,
  lockText,
  makeStand,
  type Stand,
  selectedByProgram,
  selectedByShim,
  shells,
} from './stand.js';

/** What is there, what is called, and what is to be selected of it: a key of the stand, or `handed over`. */
interface Case {
  readonly title: string;
  readonly prepare?: (stand: Stand) => unknown;
  readonly call?: Call;
  readonly expected: 'earlier' | 'later' | 'second' | 'handed over';
  readonly as?: 'root';
}

const pin = (text: string) => (stand: Stand) => stand.write('project/engineshed.toml', text);
const environment = (variables: Readonly<Record<string, string>>): Call => ({ environment: variables });
const isRoot = process.getuid?.() === 0;
const somebody = 12_345;

/** What names no engine. */
const noEngines = [
  '../first',
  'first@',
  'first@0123',
  '@0123456789abcdef',
  'first@0123456789ABCDEF',
  'first@0123456789abcdef0',
  'first@second',
  '-first',
  'a b',
  'first\n',
];

const cases: readonly Case[] = [
  { title: 'nothing selects any', expected: 'handed over' },
  { title: '"use" does', prepare: (stand) => stand.use('first'), expected: 'later' },
  ...(['ENGINESHED_ENGINE', 'HAMLET_ENGINE'] as const).flatMap((variable): Case[] => [
    { title: `${variable} names one`, call: environment({ [variable]: 'second' }), expected: 'second' },
    {
      title: `${variable} is empty`,
      call: environment({ [variable]: '' }),
      prepare: (stand) => stand.use('first'),
      expected: 'later',
    },
    {
      title: `${variable} names one that is not there`,
      call: environment({ [variable]: 'third' }),
      expected: 'handed over',
    },
    ...noEngines.slice(0, variable === 'HAMLET_ENGINE' ? 1 : undefined).map(
      (value): Case => ({
        title: `${variable} is ${JSON.stringify(value)}`,
        call: environment({ [variable]: value }),
        prepare: (stand) => stand.use('second'),
        expected: 'handed over',
      }),
    ),
    {
      title: `${variable} comes before a pin and "use"`,
      call: environment({ [variable]: 'second' }),
      prepare: async (stand) => {
        await stand.use('first');
        pin('engine = "first"\n')(stand);
      },
      expected: 'second',
    },
  ]),
  {
    title: 'ENGINESHED_ENGINE comes before HAMLET_ENGINE',
    call: environment({ ENGINESHED_ENGINE: 'second', HAMLET_ENGINE: 'first' }),
    expected: 'second',
  },
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
    title: 'a lock tells the state',
    prepare: (stand) => {
      pin('engine = "first"\n')(stand);
      stand.write('project/engineshed.lock', lockText(stand.earlier));
    },
    expected: 'earlier',
  },
  {
    title: 'a lock with the line ends of Windows',
    prepare: (stand) => {
      pin('engine = "first"\r\n')(stand);
      stand.write('project/engineshed.lock', lockText(stand.earlier).replaceAll('\n', '\r\n'));
    },
    expected: 'earlier',
  },
  {
    title: 'a lock of another engine is not taken',
    prepare: (stand) => {
      pin('engine = "first"\n')(stand);
      stand.write('project/engineshed.lock', lockText(stand.second));
    },
    expected: 'handed over',
  },
  {
    title: 'a lock beside a file without a pin is none',
    prepare: (stand) => {
      pin('engine = "second"\n')(stand);
      stand.write('project/sub/engineshed.lock', lockText(stand.earlier));
    },
    expected: 'second',
  },
  ...[
    (text: string) => text.replace('first', 'second'),
    (text: string) => text.replace('"version": 1', '"version": 2'),
    (text: string) => text.replace('  "version"', '"version"'),
    (text: string) => text.slice(1),
    (text: string) => text.replace('",\n  "sources"', '"\n  "sources"'),
    (text: string) => text.replace(/"id": "../, '"id": "..'),
    (text: string) => text.replace(/"id": "../, '"id": "'),
    (text: string) => text.replace(/"id": "./, '"id": "0f'),
    (text: string) => text.split('\n').slice(0, 3).join('\n'),
    () => '',
    () => '{"version":1}',
  ].map(
    (change): Case => ({
      title: `the lock ${JSON.stringify(change(lockText('first@0123456789abcdef')))} cannot be read`,
      prepare: (stand) => {
        pin('engine = "first"\n')(stand);
        stand.write('project/engineshed.lock', change(lockText(stand.earlier)));
      },
      expected: 'handed over',
    }),
  ),
  {
    title: 'a lock of a state that is not there',
    prepare: (stand) => {
      pin('engine = "first"\n')(stand);
      stand.write('project/engineshed.lock', lockText('first@0123456789abcdef'));
    },
    expected: 'handed over',
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
  {
    title: 'a lock of somebody else is not taken',
    as: 'root',
    prepare: (stand) => {
      pin('engine = "first"\n')(stand);
      stand.write('project/engineshed.lock', lockText(stand.earlier));
      chownSync(`${stand.home}/project/engineshed.lock`, somebody, somebody);
      chmodSync(`${stand.home}/project`, 0o777);
    },
    expected: 'handed over',
  },
  {
    title: "the user's default",
    prepare: (stand) => {
      mkdirSync(`${stand.home}/.config/engineshed`, { recursive: true });
      stand.write('.config/engineshed/engineshed.toml', 'images = "x.example/y"\ndefault = "second"\n');
    },
    expected: 'second',
  },
  {
    title: 'the user\'s default comes after "use"',
    prepare: async (stand) => {
      await stand.use('first');
      mkdirSync(`${stand.home}/.config/engineshed`, { recursive: true });
      stand.write('.config/engineshed/engineshed.toml', 'default = "second"\n');
    },
    expected: 'later',
  },
  {
    title: "the user's default in XDG_CONFIG_HOME",
    prepare: (stand) => {
      mkdirSync(`${stand.home}/elsewhere/engineshed`, { recursive: true });
      stand.write('elsewhere/engineshed/engineshed.toml', 'default = "second"\n');
    },
    call: { environment: { XDG_CONFIG_HOME: 'elsewhere' } },
    expected: 'second',
  },
  {
    title: 'a default that cannot be read',
    prepare: (stand) => {
      mkdirSync(`${stand.home}/.config/engineshed`, { recursive: true });
      stand.write('.config/engineshed/engineshed.toml', 'default = second\n');
    },
    expected: 'handed over',
  },
];

/** What stands in a call for a path of the stand's home is made one. */
function placed(stand: Stand, { directory, environment: variables = {} }: Call = {}): Call {
  const absolute = Object.entries(variables).map(([name, value]) => [
    name,
    name === 'XDG_CONFIG_HOME' || name === 'PWD' ? `${stand.home}/${value}` : value,
  ]);
  return {
    ...(directory === undefined ? {} : { directory: `${stand.home}/${directory}` }),
    environment: Object.fromEntries(absolute),
  };
}

describe('a shim selects what Engineshed selects', () => {
  const home = realpathSync(mkdtempSync(`${tmpdir()}/engineshed-test-`));
  let made: Promise<Stand> | undefined;
  afterAll(() => removeTree(home));

  it.each(cases.filter(({ as }) => as === undefined || isRoot))(
    '$title',
    async ({ prepare, call, expected }) => {
      made ??= makeStand(home);
      const stand = await made;
      for (const path of ['project', '.config', 'elsewhere', 'short', 'engineshed.toml', 'store/current'])
        rmSync(`${home}/${path}`, { recursive: true, force: true });
      mkdirSync(`${home}/project/sub`, { recursive: true });
      await prepare?.(stand);
      const wanted = expected === 'handed over' ? expected : stand[expected];
      const calling = placed(stand, call);
      expect(selectedByProgram(stand, calling)).toBe(wanted);
      const selected = shells.map((shell) => [shell.join(' '), selectedByShim(stand, shell, calling)]);
      expect(selected).toEqual(shells.map((shell) => [shell.join(' '), wanted]));
    },
  );

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

  it('where the engine that "use" chose is gone', async () => {
    const stand = await makeStand();
    await stand.use('first');
    rmSync(stand.store.paths.engineActive('first'));
    expect(selectedByProgram(stand, {})).toBe('handed over');
    for (const shell of shells) expect(selectedByShim(stand, shell, {})).toBe('handed over');
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
