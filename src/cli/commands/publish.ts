import { buildCommand } from '@stricli/core';
import { annotationFlag, jsonFlag, plainHttpFlag, platformFlag, replaceFlag } from './flags.js';

/** `engineshed publish` */
export const publish = buildCommand({
  docs: {
    brief: 'Publish a directory as an image',
    fullDescription:
      'Packs DIR into one layer and pushes it as an image to REF: registry/repository[:tag], oci:DIR:tag for an OCI image layout, or oci-archive:FILE:tag. ' +
      'The same content gives the same layer anywhere. A .dockerignore is honoured and .git is left out. In a git checkout the ' +
      'image tells its revision, source, version and time. What .engineshed/component.toml says that the component needs is told by ' +
      'it too. Without any tag it is tagged "latest".',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'The directory to publish', parse: String, placeholder: 'DIR' },
        { brief: 'Where to publish it', parse: String, placeholder: 'REF' },
      ],
    },
    flags: {
      tag: {
        kind: 'parsed',
        parse: String,
        brief: 'Tag the image (repeatable)',
        placeholder: 'TAG',
        optional: true,
        variadic: true,
      },
      gitTags: {
        kind: 'boolean',
        brief:
          'Tag it from git: "edge" on the default branch, "sha-" and the short commit, the version of a v1.2.3 tag',
        optional: true,
        withNegated: false,
      },
      branchTag: {
        kind: 'boolean',
        brief:
          'Tag it for its branch or pull request, as git or the pipeline tells: "branch-NAME", "pr-12"; never as a channel or release',
        optional: true,
        withNegated: false,
      },
      annotation: annotationFlag,
      platform: { ...platformFlag, brief: 'The platform that the image states, linux/amd64 by default' },
      compression: {
        kind: 'enum',
        values: ['gzip', 'zstd'],
        brief:
          'How the layer is compressed, with gzip by default; zstd needs Node.js 22.15 here and where it is installed',
        optional: true,
      },
      keepExternalLinks: {
        kind: 'boolean',
        brief: 'Keep symbolic links that are absolute or lead out of DIR, instead of refusing them',
        optional: true,
        withNegated: false,
      },
      replace: replaceFlag,
      dryRun: {
        kind: 'boolean',
        brief: 'Pack it, print its digests, push nothing',
        optional: true,
        withNegated: false,
      },
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/publish.js')).publish,
});
