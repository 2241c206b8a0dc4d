import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag } from './flags.js';

/** `engineshed uninstall` */
export const uninstall = buildCommand({
  docs: { brief: 'Remove an engine, and what no other engine needs' },
  parameters: {
    positional: { kind: 'tuple', parameters: [engineArgument('An installed engine', false)] },
    flags: {
      force: {
        kind: 'boolean',
        brief: 'Also if it is the active one, which none is then, or what the lock of a project names',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/uninstall.js')).uninstall,
});
