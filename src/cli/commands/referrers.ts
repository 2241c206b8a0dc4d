import { buildCommand } from '@stricli/core';
import { jsonFlag, offlineFlag, plainHttpFlag } from './flags.js';

/** `engineshed referrers` */
export const referrers = buildCommand({
  docs: {
    brief: 'List what refers to an image: signatures, bills of materials, attached files',
    fullDescription:
      'Asks the referrers API of the registry, and where there is none reads the list that is kept under a tag. REF is ' +
      'registry/repository[:tag][@digest] or oci:DIR:tag. A list is what the registry says; nothing in it is verified.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'The image', parse: String, placeholder: 'REF' }],
    },
    flags: {
      type: {
        kind: 'parsed',
        parse: String,
        brief: 'Only those of this artifact type',
        placeholder: 'MEDIATYPE',
        optional: true,
      },
      plainHttp: plainHttpFlag,
      offline: offlineFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/referrers.js')).referrers,
});
