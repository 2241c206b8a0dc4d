import { buildCommand } from '@stricli/core';
import { engineFlag, jsonFlag } from './flags.js';

/** `engineshed unlink` */
export const unlink = buildCommand({
  docs: {
    brief: 'Take a working copy out of an engine',
    fullDescription:
      'Lets the selected engine be what was installed again, for the component SOURCE, or for all that were linked. The working copy stays ' +
      'as it is.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'The component, by default all', parse: String, placeholder: 'SOURCE', optional: true },
      ],
    },
    flags: { engine: engineFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/link.js')).unlink,
});
