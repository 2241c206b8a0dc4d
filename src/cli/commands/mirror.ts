import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag, plainHttpFlag, referrersFlag } from './flags.js';

/** `engineshed mirror` */
export const mirror = buildCommand({
  docs: {
    brief: 'Copy every image of an engine to another registry',
    fullDescription:
      'Copies the images that ENGINE is made of to REGISTRY, each whole, with the images of all its platforms, to where ' +
      '"engineshed install ENGINE --registry REGISTRY" looks for it, with its tag. What is there already is not sent.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        engineArgument('The engine', false),
        { brief: 'The registry to copy to', parse: String, placeholder: 'HOST[:PORT][/PATH]' },
      ],
    },
    flags: {
      referrers: referrersFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be copied where, and change nothing',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/mirror.js')).mirror,
});
