import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed import-ini` */
export const importIni = buildCommand({
  docs: {
    brief: "Take over the engines of hamlet's engine.ini",
    fullDescription:
      'Prints the engines that FILE defines as engineshed.toml has them. With --write they go into your own engineshed.toml: what is ' +
      'in it stays as it is, and an engine that it has already is not touched. Without FILE those of hamlet itself are read: ' +
      'engine.ini and engine in HAMLET_ENGINE_CONFIG, or else in ~/.hamlet/config. Relative paths in FILE start from the working ' +
      'directory, as with hamlet.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The file', parse: String, placeholder: 'FILE', optional: true }],
    },
    flags: {
      write: {
        kind: 'boolean',
        brief: 'Put them into your own engineshed.toml',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/import-ini.js')).importIni,
});
