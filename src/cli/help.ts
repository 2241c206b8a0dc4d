import { buildRouteMap, type Command, type RouteMap } from '@stricli/core';
import type { Host } from './host.js';

/** The commands by what they are for, in the order in which the help has them. */
export type CommandGroups = Readonly<
  Record<string, Readonly<Record<string, Command<Host> | RouteMap<Host>>>>
>;

/** All commands as one map, whose help is short enough to read: one line for each command, by group. */
export function groupedCommands(
  groups: CommandGroups,
  docs: { brief: string; start: string[] },
): RouteMap<Host> {
  const routes = Object.assign({}, ...Object.values(groups)) as Record<
    string,
    Command<Host> | RouteMap<Host>
  >;
  const width = Math.max(...Object.keys(routes).map((name) => name.length));
  const help = [
    docs.brief,
    '',
    'USAGE',
    '  engineshed COMMAND [ARGUMENT...] [--FLAG...]',
    '  engineshed COMMAND --help',
    '',
    'START',
    ...docs.start.map((line) => `  ${line}`),
    ...Object.entries(groups).flatMap(([title, commands]) => [
      '',
      title.toUpperCase(),
      ...Object.entries(commands).map(([name, { brief }]) => `  ${name.padEnd(width)}  ${brief}`),
    ]),
    '',
    'FLAGS',
    '  -h --help     Print this, or the help of a command',
    '  -v --version  Print the version',
    '  --            What follows are arguments, also what begins with "-"',
    '',
  ].join('\n');
  return { ...buildRouteMap<string, Host>({ routes, docs: { brief: docs.brief } }), formatHelp: () => help };
}
