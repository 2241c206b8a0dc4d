import { buildCommand } from '@stricli/core';
import { dryRunFlag, jsonFlag, plainHttpFlag, referrersFlag, replaceFlag } from './flags.js';

/** `engineshed copy` */
export const copy = buildCommand({
  docs: {
    brief: 'Copy an image from one place to another',
    fullDescription:
      'FROM and TO are registry/repository[:tag][@digest], oci:DIR[:tag], oci-archive:FILE[:tag] or docker-archive:FILE[:NAME:tag]. ' +
      'An index is copied whole, with the images of all its platforms, and no byte is changed, so the digest stays. Only a ' +
      'docker-archive holds one platform. What TO has is not sent. Without a tag of its own TO gets that of FROM.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'The image to copy', parse: String, placeholder: 'FROM' },
        { brief: 'Where to copy it', parse: String, placeholder: 'TO' },
      ],
    },
    flags: {
      tag: {
        kind: 'parsed',
        parse: String,
        brief: 'Tag the copy so too (repeatable); for a docker-archive NAME:TAG',
        placeholder: 'TAG',
        optional: true,
        variadic: true,
      },
      platform: {
        kind: 'parsed',
        parse: String,
        brief: 'Copy only the image for this platform out of an index',
        placeholder: 'OS/ARCH[/VARIANT]',
        optional: true,
      },
      referrers: referrersFlag,
      replace: replaceFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/copy.js')).copy,
});
