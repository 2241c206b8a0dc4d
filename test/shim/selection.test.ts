import { mkdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Case, environment, itSelects, pin } from './selecting.js';
import { makeStand, selectedByProgram, selectedByShim, shells } from './stand.js';

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

describe('a shim selects what Engineshed selects', () => {
  itSelects(cases);

  it('where the engine that "use" chose is gone', async () => {
    const stand = await makeStand();
    await stand.use('first');
    rmSync(stand.store.paths.engineActive('first'));
    expect(selectedByProgram(stand, {})).toBe('handed over');
    for (const shell of shells) expect(selectedByShim(stand, shell, {})).toBe('handed over');
  });
});
