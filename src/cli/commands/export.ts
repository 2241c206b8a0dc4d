import { buildCommand } from '@stricli/core';
import {
  dryRunFlag,
  engineArgument,
  jsonFlag,
  plainHttpFlag,
  referrersFlag,
  registryFlag,
  replaceFlag,
} from './flags.js';

/** `engineshed export` */
export const exportEngine = buildCommand({
  docs: {
    brief: 'Write an engine to a file, for a site without a network',
    fullDescription:
      'Writes every image of ENGINE, and the engine itself, to FILE, an OCI archive; no digest changes. An installed engine is ' +
      'written as it is installed, another one as it stands now. "engineshed import FILE" installs it.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        engineArgument('The engine, or an image', false),
        { brief: 'The file to make', parse: String, placeholder: 'FILE' },
      ],
    },
    flags: {
      platform: {
        kind: 'parsed',
        parse: String,
        brief: 'Write it as it stands now for this platform, whatever is installed',
        placeholder: 'OS/ARCH[/VARIANT]',
        optional: true,
      },
      referrers: referrersFlag,
      replace: replaceFlag,
      registry: registryFlag,
      dryRun: dryRunFlag,
      plainHttp: plainHttpFlag,
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/export.js')).exportEngine,
});
