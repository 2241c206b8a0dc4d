import { buildCommand } from '@stricli/core';
import { imageArgument, offlineFlag, plainHttpFlag, platformFlag } from './flags.js';

/** `engineshed cat` */
export const cat = buildCommand({
  docs: {
    brief: 'Print a file of an image without installing it',
    fullDescription:
      'Its exact bytes. Layers are fetched from the highest down, as far as to the one that decides, and nothing is printed ' +
      'before that one is verified. Links are followed inside of the image.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [imageArgument, { brief: 'The file', parse: String, placeholder: 'PATH' }],
    },
    flags: { platform: platformFlag, plainHttp: plainHttpFlag, offline: offlineFlag },
  },
  loader: async () => (await import('../run/cat.js')).cat,
});
