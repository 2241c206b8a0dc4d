import { buildCommand } from '@stricli/core';

/** `engineshed exec` */
export const exec = buildCommand({
  docs: {
    brief: 'Run a command in the environment of an engine',
    fullDescription:
      'Runs COMMAND with the environment of ENGINE, whichever engine is active; without ENGINE, of the selected one. COMMAND is a ' +
      'command of the engine, or else any program. Its exit status becomes that of engineshed. ENGINESHED_ENGINE is set for it, so ' +
      'that engineshed and shims inside it mean the same state of the engine. An engine that is not installed is installed first, ' +
      'where that is allowed.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'The engine (NAME or NAME@ID), the command and its arguments',
        parse: String,
        placeholder: 'ENGINE -- COMMAND',
      },
    },
  },
  loader: async () => (await import('../run/exec.js')).exec,
});
