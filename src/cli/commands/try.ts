import { buildCommand } from '@stricli/core';
import { engineFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed try` */
export const tryCommand = buildCommand({
  docs: {
    brief: 'Run one command with components replaced, and leave nothing behind',
    fullDescription:
      'Runs COMMAND in the environment of the selected engine, with other sources in the place of some of its own: SOURCE=TAG of the ' +
      'same repository, SOURCE=@BRANCH as "publish --branch-tag" tagged it, SOURCE=REF, SOURCE=oci:DIR:tag, or SOURCE=./DIR. All other ' +
      'sources stay as they are installed. Its exit status becomes that of engineshed. What an engine name stands for does not change; ' +
      'what was fetched is kept until "engineshed gc".',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'What takes the place of which source, and after "--" the command and its arguments',
        parse: String,
        placeholder: 'SOURCE=WHAT... -- COMMAND',
      },
      minimum: 2,
    },
    flags: {
      engine: { ...engineFlag, brief: 'Of this engine, installed or not, instead of the selected one' },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
    },
  },
  loader: async () => (await import('../run/try.js')).tryEngine,
});
