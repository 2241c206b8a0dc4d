import { buildCommand } from '@stricli/core';
import { jsonFlag, parseDuration } from './flags.js';

/** `engineshed gc` */
export const gc = buildCommand({
  docs: {
    brief: 'Free the space of what nothing needs any more',
    fullDescription:
      'Removes the states that no engine name stands for and no kept generation of "engineshed history" leads back to, with the layers ' +
      'that only they need, and what interrupted downloads have left. The active engine, and every other one, stays as it is; ' +
      '--unused-for uninstalls those that were not used for some time.',
  },
  parameters: {
    flags: {
      keep: {
        kind: 'parsed',
        parse: parseCount,
        brief: 'How many of the latest generations can be gone back to afterwards',
        placeholder: 'N',
        default: '3',
      },
      unusedFor: {
        kind: 'parsed',
        parse: parseDuration,
        brief: 'Uninstall engines that exec and env did not use for so long: 12h, 30d, 8w',
        placeholder: 'TIME',
        optional: true,
      },
      dryRun: {
        kind: 'boolean',
        brief: 'Say what would be removed, and change nothing',
        optional: true,
        withNegated: false,
      },
      json: jsonFlag,
    },
  },
  loader: async () => (await import('../run/gc.js')).gc,
});

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`"${text}" is not a number of generations, 1 or more`);
  return Number(text);
}
