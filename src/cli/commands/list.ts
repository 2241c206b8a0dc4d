import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed list` */
export const list = buildCommand({
  docs: { brief: 'List the installed engines' },
  parameters: { flags: { json: jsonFlag } },
  loader: async () => (await import('../run/list.js')).list,
});
