import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { channelArgument, dryRunFlag } from './release-arguments.js';
import { passwordStdinFlag, signingKeyFlag } from './trust.js';

/** `engineshed release renew` */
export const releaseRenew = buildCommand({
  docs: {
    brief: 'Sign anew that a channel is where it is',
    fullDescription:
      'Makes a further step of the channel at the release that it leads to, with a new end: valid-days of [release.channels.CHANNEL] ' +
      'from now. Only where the step that is there was signed by a key that is known, and is not over: run it by a clock, more often ' +
      'than that.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [channelArgument] },
    flags: {
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-renew.js')).releaseRenew,
});
