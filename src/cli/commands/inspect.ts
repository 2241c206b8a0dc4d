import { buildCommand } from '@stricli/core';
import { imageArgument, jsonFlag, offlineFlag, plainHttpFlag, platformFlag } from './flags.js';

/** `engineshed inspect` */
export const inspect = buildCommand({
  docs: {
    brief: 'Show what an image is made of',
    fullDescription:
      'Digest, platforms, annotations, labels, config and layers with their sizes; of an index also the image for this platform. ' +
      'No layer is fetched.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [imageArgument] },
    flags: {
      raw: {
        kind: 'boolean',
        brief: 'Print the very bytes of the manifest or index (with --platform, of the manifest for that)',
        optional: true,
        withNegated: false,
      },
      platform: platformFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/inspect.js')).inspect,
});
