import { buildCommand } from '@stricli/core';
import { engineArgument, jsonFlag, registryFlag } from './flags.js';

/** `engineshed show` */
export const show = buildCommand({
  docs: {
    brief: 'Show what an engine is made of',
    fullDescription:
      'An installed engine with its digests, parts and environment; another one as its catalog defines it.',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [engineArgument('The engine, by default the selected one', true)],
    },
    flags: { registry: registryFlag, json: jsonFlag },
  },
  loader: async () => (await import('../run/show.js')).show,
});
