import { buildCommand } from '@stricli/core';
import { jsonFlag, newerOfflineBrief, offlineFlag, plainHttpFlag, registryFlag } from './flags.js';

/** `engineshed update` */
export const update = buildCommand({
  docs: {
    brief: 'Move the project, or an engine, on to what its references stand for now',
    fullDescription:
      'In a project: resolves the sources of its engine anew, all or those that are named, installs the result and writes ' +
      'engineshed.lock. Elsewhere: brings an installed engine up to date, the selected one or the one that is named.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'The sources to move on; outside a project the engine',
        parse: String,
        placeholder: 'SOURCE|ENGINE',
      },
    },
    flags: {
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would change, and change nothing',
        optional: true,
        withNegated: false,
      },
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      offline: { ...offlineFlag, brief: newerOfflineBrief },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/update.js')).update,
});
