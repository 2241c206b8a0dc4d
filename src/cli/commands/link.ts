import { buildCommand } from '@stricli/core';
import { engineFlag, jsonFlag } from './flags.js';

/** `engineshed link` */
export const link = buildCommand({
  docs: {
    brief: 'Put a working copy into an engine on this machine',
    fullDescription:
      'Lets DIR stand in the place of the component SOURCE of the selected engine, in whatever project that engine is selected: changes in ' +
      'DIR are seen at once. "install" and "update" keep it, until "engineshed unlink". DIR is never written to, checked or removed.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'The source, or the component of a consolidated image',
          parse: String,
          placeholder: 'SOURCE',
        },
        { brief: 'The working copy', parse: String, placeholder: 'DIR' },
      ],
    },
    flags: { engine: engineFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/link.js')).link,
});
