import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag, registryFlag } from './flags.js';

/** `engineshed available` */
export const available = buildCommand({
  docs: {
    brief: 'List the engines that can be installed',
    fullDescription:
      'Asks the registries of the catalogs: channels, dated builds and versions, newest first, with what is installed marked.',
  },
  parameters: {
    flags: {
      all: {
        kind: 'boolean',
        brief: 'List every dated build and version, not the newest ten',
        optional: true,
        withNegated: false,
      },
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/available.js')).available,
});
