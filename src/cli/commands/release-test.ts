import { buildCommand, numberParser } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { dryRunFlag, releaseArgument } from './release-arguments.js';
import { passwordStdinFlag, signingKeyFlag } from './trust.js';

/** `engineshed release test` */
export const releaseTest = buildCommand({
  docs: {
    brief: 'Run the tests on exactly the image that is promoted',
    fullDescription:
      'Installs the image by its digest into an empty store, sets the environment as an executor sees it, and runs every ' +
      '[[release.test]] in the directory of engineshed.toml. The outcome is attached to the digest as an in-toto test result, signed where ' +
      'a key is given and the image is signed: under a policy only a result counts that one of its keys signed. ' +
      'ENGINESHED_HOME and ENGINESHED_ENGINE are those of the release. Ends with 65 where a test failed.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument] },
    flags: {
      junit: {
        kind: 'parsed',
        parse: String,
        brief: 'Write the outcome as JUnit XML',
        placeholder: 'FILE',
        optional: true,
      },
      concurrent: {
        kind: 'parsed',
        parse: parseCount,
        brief: 'How many tests run at the same time',
        placeholder: 'NUMBER',
        default: '2',
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: { ...dryRunFlag, brief: 'Run the tests, and attach nothing' },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-test.js')).releaseTest,
});

function parseCount(text: string): number {
  const count = numberParser(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) throw new Error('it is a number from 1 to 64');
  return count;
}
