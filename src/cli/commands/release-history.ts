import { buildCommand } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';
import { channelArgument } from './release-arguments.js';

/** `engineshed release history` */
export const releaseHistory = buildCommand({
  docs: { brief: 'Print what a channel led to, and when' },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: { plainHttp: plainHttpFlag, offline: offlineFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-history.js')).releaseHistory,
});
