import { buildCommand } from '@stricli/core';
import { jsonFlag, newerOfflineBrief, offlineFlag, plainHttpFlag, registryFlag } from './flags.js';

/** `engineshed outdated` */
export const outdated = buildCommand({
  docs: {
    brief: 'Tell what an update would move on',
    fullDescription:
      'In a project: compares engineshed.lock with what the references of its engine stand for now. Elsewhere, or where engines are ' +
      'named: the installed engines. Exits with 0 where nothing is outdated, with 1 where something is.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: { brief: 'Installed engines, by default all', parse: String, placeholder: 'ENGINE' },
    },
    flags: {
      registry: registryFlag,
      plainHttp: plainHttpFlag,
      offline: { ...offlineFlag, brief: newerOfflineBrief },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/outdated.js')).outdated,
});
