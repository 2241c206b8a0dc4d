import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { channelArgument, dryRunFlag, releaseArgument } from './release-arguments.js';
import { passwordStdinFlag, signingKeyFlag } from './trust.js';

/** `engineshed release promote` */
export const releasePromote = buildCommand({
  docs: {
    brief: 'Let a channel lead to a release that passed its tests',
    fullDescription:
      'Refused unless the tests that there are now passed on that very digest, and the signatures are there that policies ask for: those of ' +
      'the image, and under a policy also that of the test result. The tag of the version comes first and is never ' +
      'moved afterwards, the tag of the channel last. Done twice, the second time changes nothing.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument, channelArgument] },
    flags: {
      version: {
        kind: 'parsed',
        parse: String,
        brief: 'The version of the release; where the channel has dates, today (UTC) by default',
        placeholder: 'VERSION',
        optional: true,
      },
      key: signingKeyFlag,
      passwordStdin: passwordStdinFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-promote.js')).releasePromote,
});
