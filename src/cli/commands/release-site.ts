import { buildCommand, numberParser } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';
import { dryRunFlag } from './release-arguments.js';

/** `engineshed release site` */
export const releaseSite = buildCommand({
  docs: {
    brief: 'Write web pages that tell of channels and releases',
    fullDescription:
      'Static HTML that needs no server and makes no request: what each channel leads to, every release with its components, ' +
      'revisions and tests, how to install it, and the differences between any two. DIR is replaced as a whole, and only where it ' +
      'is not there, empty, or was written by this command. The same releases give the same bytes.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The directory of the pages', parse: String, placeholder: 'DIR' }],
    },
    flags: {
      limit: {
        kind: 'parsed',
        parse: parseLimit,
        brief: 'The most releases; of more, the newest of every channel',
        placeholder: 'NUMBER',
        default: '1000',
      },
      key: {
        kind: 'parsed',
        parse: String,
        brief: 'A public key to check signatures with, beside those of the policies (repeatable)',
        placeholder: 'FILE',
        optional: true,
        variadic: true,
      },
      dryRun: { ...dryRunFlag, brief: 'Make the pages, tell how many, and write nothing' },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-site.js')).releaseSite,
});

function parseLimit(text: string): number {
  const limit = numberParser(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new Error('it is a number from 1 to 10000');
  return limit;
}
