import { buildCommand } from '@stricli/core';
import { jsonFlag } from './flags.js';

/** `engineshed rollback` */
export const rollback = buildCommand({
  docs: {
    brief: 'Go back to what the engines were before, without a network',
    fullDescription:
      'Leads every engine name, and the active engine, to what they stood for at a generation of "engineshed history": the one before, ' +
      'or that of --to, which may be a later one too. Nothing is downloaded and nothing deleted.',
  },
  parameters: {
    flags: {
      to: {
        kind: 'parsed',
        parse: parseNumber,
        brief: 'The number of the generation',
        placeholder: 'N',
        optional: true,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would change, and change nothing',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/rollback.js')).rollback,
});

function parseNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`"${text}" is not the number of a generation`);
  return Number(text);
}
