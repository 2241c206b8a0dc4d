import { buildCommand } from '@stricli/core';
import { annotationFlag, dryRunFlag, jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed index` */
export const index = buildCommand({
  docs: {
    brief: 'Publish one index over images for several platforms',
    fullDescription:
      'Makes an index of the images SOURCE..., each for the platform that it states, and pushes it to REF. What is elsewhere is ' +
      'copied to the repository of REF first. The same images give the same index, in any order. "engineshed install", docker and ' +
      'others take the image for their platform from it. Without a tag in REF or --tag it is tagged "latest".',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'Where the index goes, and the images that it is made of',
        parse: String,
        placeholder: 'REF|SOURCE',
      },
      minimum: 2,
    },
    flags: {
      tag: {
        kind: 'parsed',
        parse: String,
        brief: 'Tag the index (repeatable)',
        placeholder: 'TAG',
        optional: true,
        variadic: true,
      },
      annotation: annotationFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/image-index.js')).index,
});
