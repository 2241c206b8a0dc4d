import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed which` */
export const which = buildCommand({
  docs: {
    brief: 'Print the path of a part of an engine',
    fullDescription:
      'PART is the type of a part, such as core-engine, or a path inside one, such as executor-bash/cli.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The part, or a path inside it', parse: String, placeholder: 'PART[/PATH]' }],
    },
    flags: {
      engine: {
        kind: 'parsed',
        parse: String,
        brief: 'Of this engine instead of the selected one',
        placeholder: 'ENGINE',
        optional: true,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/which.js')).which,
});
