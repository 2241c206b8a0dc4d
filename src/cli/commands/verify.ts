import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed verify` */
export const verify = buildCommand({
  docs: {
    brief: 'Check what is installed, and repair it',
    fullDescription:
      'Compares every file of every layer with what was written when it was installed, the trees made of them, and the records of the ' +
      'engines, and says which files changed. Without ENGINE it looks at everything in the store. An engine with damaged files is ' +
      'refused by "use", "exec", "env" and "which" until it is repaired, by --repair or by "engineshed install". The exit status is 65 where ' +
      'something is damaged.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [engineArgument('An installed engine, by default everything in the store', true)],
    },
    flags: {
      fast: {
        kind: 'boolean',
        brief:
          'Read only the files that changed since they were installed, by their time; compare sizes, modes and kinds of the others',
        optional: true,
        withNegated: false,
      },
      repair: {
        kind: 'boolean',
        brief: 'Fetch what is damaged again, by digest, and make it anew',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/verify.js')).verify,
});
