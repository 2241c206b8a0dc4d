import { buildCommand } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed tags` */
export const tags = buildCommand({
  docs: {
    brief: 'List the tags of a repository',
    fullDescription:
      'One tag a line. By version and by date the newest come first, and tags that are no version or have no date last. A date is ' +
      'that of the image, and costs up to three requests for each tag. With --sort none tags are printed while they come.',
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
      sort: {
        kind: 'enum',
        values: ['name', 'version', 'date', 'none'],
        brief: 'The order',
        default: 'name',
      },
      filter: {
        kind: 'parsed',
        parse: String,
        brief: 'Only tags that the pattern fits, with * ? and [a-z]',
        placeholder: 'GLOB',
        optional: true,
      },
      limit: {
        kind: 'parsed',
        parse: countOf,
        brief: 'Only the first ones',
        placeholder: 'N',
        optional: true,
      },
      all: {
        kind: 'boolean',
        brief: 'Also the tags that lead to signatures and other referrers (sha256-...)',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/tags.js')).tags,
});

function countOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new SyntaxError(`"${text}" is not a number from 1 on`);
  return Number(text);
}
