import type { Command, CommandContext } from '@stricli/core';
import type { Host } from './host.js';

/**
 * A command none of whose flags takes an empty value: what a script wrote for a variable that is not set must not be read as if the flag
 * were not there. The parser tells of it as of every value that cannot be read.
 */
export function withoutEmptyValues(command: Command<Host>): Command<Host> {
  const { flags = {} } = command.parameters;
  const refusing = Object.entries(flags).map(([name, flag]) => {
    if (flag.kind !== 'parsed') return [name, flag];
    const parse = function (this: CommandContext, text: string) {
      if (text === '') throw new Error('its value is empty; leave the flag out, or write a value');
      return flag.parse.call(this, text);
    };
    return [name, { ...flag, parse }];
  });
  return { ...command, parameters: { ...command.parameters, flags: Object.fromEntries(refusing) } };
}
