import { buildCommand } from '@stricli/core';
import { jsonFlag, plainHttpFlag } from './flags.js';
import { releaseArgument } from './release-arguments.js';

/** `engineshed release sbom` */
export const releaseSbom = buildCommand({
  docs: {
    brief: 'Print the bill of materials of a release, as SPDX 2.3 JSON',
    fullDescription:
      'Every component with its version, revision and digests, and every file with its SHA-1 and SHA-256, made of the layers of the ' +
      'release itself, each verified: what somebody attached to it is not believed. "release build" attaches the very same document. ' +
      'With --json it tells what the document is and whether it is attached, and does not print it.',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [releaseArgument] },
    flags: { plainHttp: plainHttpFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/release-sbom.js')).releaseSbom,
});
