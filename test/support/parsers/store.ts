import { writeFileSync } from 'node:fs';
import { readHistory } from '../../../src/store/history.js';
import { storePaths } from '../../../src/store/paths.js';
import { readEngineFile } from '../../../src/store/record.js';
import { type FuzzedParser, mustBe } from './parser.js';

const engineSample = JSON.stringify({
  contract: 1,
  name: 'train',
  id: '0123456789abcdef',
  installed: '2026-01-01T00:00:00Z',
  description: '',
  kind: 'channel',
  catalog: 'built-in',
  sources: { engine: { kind: 'directory', path: '/x', directory: '/x' } },
  parts: [{ type: 'core-engine', source: 'engine', path: '.', directory: '/x' }],
  environment: { set: { A: 'b' }, unset: ['C'] },
});

/** What stands in a store. */
export const storeParsers: readonly FuzzedParser[] = [
  {
    name: 'E04 engine.json',
    samples: [engineSample],
    words: ['"parts":', '"sources":null', '"environment":', '[null]', '"contract":2', '1'],
    regressions: [
      engineSample.replace(/"sources":{.*?}}/, '"sources":null'),
      engineSample.replace(/"parts":\[.*?\]/, '"parts":[null]'),
      engineSample.replace(/"set":{.*?}/, '"set":null'),
    ],
    codes: ['STORE_CORRUPT', 'STORE_VERSION'],
    run(input, scratch) {
      writeFileSync(scratch, input);
      const engine = readEngineFile(scratch);
      if (engine === undefined) throw new Error('it is there');
      const { parts, sources, environment } = engine;
      const texts = [
        ...parts.flatMap(({ type, source, path, directory }) => [type, source, path, directory]),
        ...Object.values(sources).map(({ directory }) => directory),
        ...Object.values(environment.set),
        ...environment.unset,
      ];
      mustBe(
        texts.every((value) => typeof value === 'string'),
        'something that is no text',
      );
    },
  },
  {
    name: 'E05 history',
    samples: [
      '{"number":1,"time":"2026-01-01T00:00:00Z","change":"install train","active":"train","engines":{"train":"0123456789abcdef"}}',
    ],
    words: ['"engines":', '"active":null', '"number":2'],
    codes: [],
    run(input, scratch) {
      const paths = { ...storePaths(scratch), history: `${scratch}-history` };
      writeFileSync(`${paths.history}/1.json`, input);
      writeFileSync(`${paths.history}/position`, input);
      const { generations, position } = readHistory(paths);
      mustBe(
        generations.every(
          ({ number, engines }) =>
            number === 1 && Object.values(engines).every((id) => typeof id === 'string'),
        ),
        'no generation',
      );
      mustBe(position === undefined || Number.isSafeInteger(position), 'no position');
    },
  },
];
