import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { releaseArgument } from './release-arguments.js';

/** `engineshed release notes` */
export const releaseNotes = buildCommand({
  docs: {
    brief: 'Print what changed between two releases, as Markdown',
    fullDescription:
      'Which components came, went, and moved from which version and revision to which, by what the releases themselves tell; and where ' +
      'the commits between can be read.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { ...releaseArgument, placeholder: 'FROM' },
        { ...releaseArgument, placeholder: 'TO' },
      ],
    },
    flags: { plainHttp: plainHttpFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-notes.js')).releaseNotes,
});
