import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag, registryFlag } from './flags.js';

/** `engineshed diff` */
export const diff = buildCommand({
  docs: {
    brief: 'Compare two engines: components, revisions, files',
    fullDescription:
      'A and B are engines, installed or not, exact states (NAME@ID) or lock files (a path, or the directory of a project). Without ' +
      'B, A is compared with what its references stand for now. Nothing is installed.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'An engine, a state or a lock', parse: String, placeholder: 'A' },
        {
          brief: 'What to compare it with, by default what its references stand for now',
          parse: String,
          placeholder: 'B',
          optional: true,
        },
      ],
    },
    flags: {
      files: {
        kind: 'boolean',
        brief: 'List the files that changed, too; what is not installed is read from where it is',
        optional: true,
        withNegated: false,
      },
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/diff.js')).diff,
});
