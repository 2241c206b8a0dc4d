import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed doctor` */
export const doctor = buildCommand({
  docs: {
    brief: 'Look for what keeps engines from working, and say what to do',
    fullDescription:
      'Looks at the program, the store, the installed engines and what they need of this machine, the configuration files, the ' +
      'logins and what says how registries are reached. Runs the checks that components bring, 10 seconds each. Changes nothing, ' +
      'and asks no registry. Ends with 65 where it finds a problem.',
  },
  parameters: { flags: { json: jsonFlag } },
  loader: async () => (await import('../run/doctor.js')).doctor,
});
