import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed history` */
export const history = buildCommand({
  docs: {
    brief: 'List what the engines and the active one were over time',
    fullDescription:
      'Each install, update, use and uninstall that changes something makes a numbered generation. The one that the store is at has ' +
      'a star; "engineshed rollback" goes to another.',
  },
  parameters: { flags: { json: jsonFlag } },
  loader: async () => (await import('../run/history.js')).history,
});
