import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { dryRunFlag } from './release-arguments.js';

/** `engineshed release build` */
export const releaseBuild = buildCommand({
  docs: {
    brief: 'Compose a release of the components as they are now',
    fullDescription:
      'Resolves every source of the engine in [release] to a digest, composes one image with a layer for each component at ' +
      '/SOURCE, and pushes it with a tag that tells its digest. The lock is in the image and in an annotation. The same ' +
      'components give the same digest anywhere, and a component that did not change has the layer of the last release.',
  },
  parameters: {
    flags: {
      squash: {
        kind: 'boolean',
        brief: 'Compose a single layer of all components',
        optional: true,
        withNegated: false,
      },
      lock: {
        kind: 'parsed',
        parse: String,
        brief: 'Compose what this lock says, wherever the tags of the components are now',
        placeholder: 'FILE',
        optional: true,
      },
      tag: {
        kind: 'parsed',
        parse: String,
        brief: 'Tag the image (repeatable)',
        placeholder: 'TAG',
        optional: true,
        variadic: true,
      },
      dryRun: { ...dryRunFlag, brief: 'Compose it, tell its digest, and push nothing' },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/release-build.js')).releaseBuild,
});
