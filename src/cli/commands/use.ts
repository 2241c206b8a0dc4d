import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag } from './flags.js';

/** `engineshed use` */
export const use = buildCommand({
  docs: {
    brief: 'Make an installed engine the active one',
    fullDescription:
      'Switches in one atomic step: whoever follows the stable paths meets the earlier engine or this one.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [engineArgument('An installed engine', false)] },
    flags: { json: jsonFlag },
  },
  loader: async () => (await import('../run/use.js')).use,
});
