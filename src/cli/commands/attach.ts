import { buildCommand } from '@stricli/core';
import { annotationFlag, dryRunFlag, jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed attach` */
export const attach = buildCommand({
  docs: {
    brief: 'Attach files to an image',
    fullDescription:
      'Pushes each FILE to where the image REF is (registry/repository[:tag][@digest], or oci:DIR:tag), and a manifest that refers ' +
      'to the image, so that "engineshed referrers" and other tools find it. The image itself does not change. The media type of a ' +
      'file is what follows its last ":", else application/octet-stream. The same files with the same annotations are attached once.',
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        brief: 'The image, and the files to attach to it',
        parse: String,
        placeholder: 'REF|FILE[:MEDIATYPE]',
      },
      minimum: 1,
    },
    flags: {
      type: {
        kind: 'parsed',
        parse: String,
        brief: 'What sort of thing it is, as a media type, for instance application/spdx+json',
        placeholder: 'MEDIATYPE',
      },
      annotation: annotationFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/attach.js')).attach,
});
