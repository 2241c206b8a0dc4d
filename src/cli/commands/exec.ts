import { buildCommand } from '@stricli/core';

/** `engineshed exec` */
export const exec = buildCommand({
  docs: {
    brief: 'Run a command in the environment of an engine',
    fullDescription:
      'Runs COMMAND with the environment of ENGINE, whichever engine is active. Its exit status becomes that of engineshed. ' +
      'ENGINESHED_ENGINE is set for it, so that engineshed inside it means the same engine.',
    customUsage: ['ENGINE -- COMMAND [ARGUMENT...]'],
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'The engine, the command and its arguments',
        parse: String,
        placeholder: 'ENGINE -- COMMAND',
      },
      minimum: 2,
    },
  },
  loader: async () => (await import('../run/exec.js')).exec,
});
