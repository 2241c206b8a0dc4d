import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag } from './flags.js';

/** `engineshed env` */
export const env = buildCommand({
  docs: {
    brief: "Print an engine's environment for a shell to evaluate",
    fullDescription:
      'In bash, zsh and any POSIX shell: eval "$(engineshed env)". In fish: engineshed env --shell fish | source',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [engineArgument('The engine, by default the selected one', true)],
    },
    flags: {
      shell: {
        kind: 'enum',
        values: ['sh', 'bash', 'zsh', 'fish', 'powershell', 'dotenv', 'json'],
        brief: 'The form to print it in',
        default: 'sh',
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/env.js')).env,
});
