import { chmodSync, chownSync } from 'node:fs';
import { describe } from 'vitest';
import { type Case, itSelects, pin, somebody } from './selecting.js';
import { lockText } from './stand.js';

const cases: readonly Case[] = [
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
];

describe('a shim selects what Engineshed selects', () => {
  itSelects(cases);
});
