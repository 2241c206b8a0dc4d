import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed current` */
export const current = buildCommand({
  docs: {
    brief: 'Print the active engine',
    fullDescription:
      'ENGINESHED_ENGINE or HAMLET_ENGINE selects an engine for one shell; else it is the one chosen with "engineshed use".',
  },
  parameters: { flags: { json: jsonFlag } },
  loader: async () => (await import('../run/current.js')).current,
});
