import { buildCommand, numberParser } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';

/** `engineshed release bisect` */
export const releaseBisect = buildCommand({
  docs: {
    brief: 'Find the first release that fails',
    fullDescription:
      'Runs COMMAND with releases between GOOD and BAD, two versions of one channel, each installed into an empty store, until the ' +
      'first bad one is found: about log2 of their number. It ends with 0 where the release is good, with 125 where it cannot tell.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'A release that is good, a later one that is bad, the command and its arguments',
        parse: String,
        placeholder: 'GOOD BAD -- COMMAND',
      },
      minimum: 2,
    },
    flags: {
      timeoutSeconds: {
        kind: 'parsed',
        parse: parseSeconds,
        brief: 'How long the command may take for one release; one that takes longer is bad',
        placeholder: 'SECONDS',
        default: '3600',
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-bisect.js')).releaseBisect,
});

function parseSeconds(text: string): number {
  const seconds = numberParser(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
    throw new Error('it is a number of seconds from 1 to 86400');
  return seconds;
}
