import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed logout` */
export const logout = buildCommand({
  docs: {
    brief: 'Remove the login for a registry',
    fullDescription:
      'Removes the login for exactly REGISTRY, or REGISTRY/PATH, from the credential files that are read and the credential helpers that ' +
      'they name.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The registry', parse: String, placeholder: 'REGISTRY[/PATH]' }],
    },
    flags: { json: jsonFlag },
  },
  loader: async () => (await import('../run/logout.js')).logout,
});
