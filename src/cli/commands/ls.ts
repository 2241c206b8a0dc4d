import { buildCommand } from '@stricli/core';
import { imageArgument, jsonFlag, offlineFlag, plainHttpFlag, platformFlag } from './flags.js';

/** `engineshed ls` */
export const ls = buildCommand({
  docs: {
    brief: 'List the files of an image without installing it',
    fullDescription:
      'The files as an install would make them: all layers applied. The layers are fetched and checked as for an install, and ' +
      'nothing is written. Paths begin at the root of the image, as "engineshed cat" takes them; directories end with "/".',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        imageArgument,
        {
          brief: 'A directory or file in it, by default its root',
          parse: String,
          placeholder: 'PATH',
          optional: true,
        },
      ],
    },
    flags: {
      long: {
        kind: 'boolean',
        brief: 'Also mode, size, layer, and where links lead',
        optional: true,
        withNegated: false,
      },
      recursive: {
        kind: 'boolean',
        brief: 'Everything below, not only what is directly in it',
        optional: true,
        withNegated: false,
      },
      platform: platformFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
    aliases: { l: 'long', R: 'recursive' },
  },
  loader: async () => (await import('../run/ls.js')).ls,
});
