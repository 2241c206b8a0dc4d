import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed import` */
export const importEngines = buildCommand({
  docs: {
    brief: 'Install the engines of a file, without a network',
    fullDescription:
      'Installs what "engineshed export" wrote to FILE, verified like any install. No registry is asked. FILE may also be the ' +
      'directory that the file was unpacked to. The first engine that is installed becomes the active one.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The file, or the directory', parse: String, placeholder: 'FILE' }],
    },
    flags: {
      use: {
        kind: 'boolean',
        brief: 'Make it the active engine; the first, where there are several',
        optional: true,
        withNegated: false,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be installed, and change nothing',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/import.js')).importEngines,
});
