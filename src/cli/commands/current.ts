import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed current` */
export const current = buildCommand({
  docs: {
    brief: 'Print the selected engine',
    fullDescription:
      'The first of these that says something counts: ENGINESHED_ENGINE, HAMLET_ENGINE, the nearest engineshed.toml upward that pins ' +
      'one, "engineshed use", the default of your configuration file, the default of the catalogs. --explain prints what each says.',
  },
  parameters: {
    flags: {
      explain: {
        kind: 'boolean',
        brief: 'Print everything that may select an engine, what it says, and why it counts or not',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/current.js')).current,
});
