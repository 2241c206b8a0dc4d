import { dryRunFlag as plainDryRunFlag } from './flags.js';

/** The release that a command is about. */
export const releaseArgument = {
  brief: 'The release: a channel, a tag or a digest where the releases are, or a whole reference',
  parse: String,
  placeholder: 'RELEASE',
} as const;

/** The channel that a command is about. */
export const channelArgument = {
  brief: 'A channel of [release.channels]',
  parse: String,
  placeholder: 'CHANNEL',
} as const;

/** Lets a command tell what it would do at the place of the releases. */
export const dryRunFlag = {
  ...plainDryRunFlag,
  brief: 'Say what would be done, and change nothing',
} as const;
