import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { channelArgument, dryRunFlag } from './release-arguments.js';
import { passwordStdinFlag, signingKeyFlag } from './trust.js';

/** `engineshed release rollback` */
export const releaseRollback = buildCommand({
  docs: {
    brief: 'Let a channel lead to what it led to before',
    fullDescription:
      'Versions stay what they are; only the tag of the channel moves. The history of the channel tells of it.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: {
      to: {
        kind: 'parsed',
        parse: String,
        brief: 'A release that the channel led to, by default the one before',
        placeholder: 'RELEASE',
        optional: true,
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-rollback.js')).releaseRollback,
});
