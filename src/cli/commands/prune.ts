import { buildCommand } from '@stricli/core';
import { jsonFlag, parseDuration, plainHttpFlag } from './flags.js';

/** `engineshed prune` */
export const prune = buildCommand({
  docs: {
    brief: 'Remove the tags of branches and pull requests that are done',
    fullDescription:
      'Removes tags that "publish --branch-tag" made, branch-... and pr-..., and looks at no other tag. With --keep-branches or ' +
      '--keep-pull-requests those of all others go, with --older-than those of images made before, with both those that are both. ' +
      'FILE has a name or number on each line, or what "git ls-remote --heads" prints; - reads it from the standard input. Where a ' +
      'registry removes a tag only with its manifest, that is deleted unless something that stays needs it.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'The repository: registry/repository, or oci:DIR',
          parse: String,
          placeholder: 'REPOSITORY',
        },
      ],
    },
    flags: {
      keepBranches: {
        kind: 'parsed',
        parse: String,
        brief: 'The branches that there are',
        placeholder: 'FILE',
        optional: true,
      },
      keepPullRequests: {
        kind: 'parsed',
        parse: String,
        brief: 'The pull requests that are open',
        placeholder: 'FILE',
        optional: true,
      },
      olderThan: {
        kind: 'parsed',
        parse: parseDuration,
        brief: 'Only tags of images that tell to be older: 12h, 30d, 8w',
        placeholder: 'TIME',
        optional: true,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be removed, and change nothing',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/prune.js')).prune,
});
