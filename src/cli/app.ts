import { buildApplication, type Command, type RouteMap, text_en } from '@stricli/core';
import { EngineshedError } from '../errors/index.js';
import { commandHelp, routeHelp } from './command-help.js';
import { attach } from './commands/attach.js';
import { available } from './commands/available.js';
import { cat } from './commands/cat.js';
import { completion } from './commands/completion.js';
import { copy } from './commands/copy.js';
import { current } from './commands/current.js';
import { diff } from './commands/diff.js';
import { doctor } from './commands/doctor.js';
import { env } from './commands/env.js';
import { exec } from './commands/exec.js';
import { exportEngine } from './commands/export.js';
import { gc } from './commands/gc.js';
import { history } from './commands/history.js';
import { index } from './commands/image-index.js';
import { importEngines } from './commands/import.js';
import { importIni } from './commands/import-ini.js';
import { inspect } from './commands/inspect.js';
import { install } from './commands/install.js';
import { link } from './commands/link.js';
import { list } from './commands/list.js';
import { lock } from './commands/lock.js';
import { login } from './commands/login.js';
import { logout } from './commands/logout.js';
import { ls } from './commands/ls.js';
import { mirror } from './commands/mirror.js';
import { outdated } from './commands/outdated.js';
import { prune } from './commands/prune.js';
import { publish } from './commands/publish.js';
import { referrers } from './commands/referrers.js';
import { release } from './commands/release.js';
import { rollback } from './commands/rollback.js';
import { show } from './commands/show.js';
import { tags } from './commands/tags.js';
import { trust } from './commands/trust.js';
import { tryCommand } from './commands/try.js';
import { uninstall } from './commands/uninstall.js';
import { unlink } from './commands/unlink.js';
import { update } from './commands/update.js';
import { use } from './commands/use.js';
import { verify } from './commands/verify.js';
import { which } from './commands/which.js';
import { withoutEmptyValues } from './empty-values.js';
import { failureStatus, formatFailure } from './failure.js';
import { type CommandGroups, groupedCommands } from './help.js';
import type { Host } from './host.js';
import { misusedCommand, unknownCommand } from './usage.js';

/**
 * The command line: its commands, and how their failures are told. A command's code is loaded when it is run. To run it rejects
 * with `USAGE` where the arguments are not what the command takes.
 * @param adapt gives each command as it is to be
 */
export function application(host: Host, adapt: (command: Command<Host>) => Command<Host> = (same) => same) {
  const fail = (error: unknown) => formatFailure(host, error);
  return buildApplication<Host>(
    groupedCommands(mapGroups(commandsFor(host), host, adapt), {
      brief: 'Distribute a product made of several components through any OCI registry.',
      start: ['engineshed available', 'engineshed install train', 'eval "$(engineshed env)"'],
    }),
    {
      name: 'engineshed',
      versionInfo: { currentVersion: host.version },
      scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
      documentation: { disableAnsiColor: true },
      localization: {
        text: {
          ...text_en,
          // Thrown, not returned: the parser would print each of several faults, and an error is one text, or one document.
          exceptionWhileParsingArguments(error) {
            throw error instanceof EngineshedError
              ? error
              : misusedCommand(error, meantCommand(host).words.join(' '));
          },
          noCommandRegisteredForInput({ input }) {
            const { words, commands } = meantCommand(host);
            return fail(unknownCommand(input, words.join(' '), commands));
          },
          exceptionWhileRunningCommand: fail,
          exceptionWhileLoadingCommandFunction: fail,
          commandErrorResult: fail,
        },
      },
      determineExitCode: failureStatus,
    },
  );
}

const groups: CommandGroups = {
  'install and choose': { available, install, list, show, use, uninstall },
  'keep up to date': { lock, update, outdated, diff },
  run: { current, env, exec, try: tryCommand, link, unlink, which },
  'go back, free space, check': { history, rollback, gc, verify, doctor },
  publish: { publish, index, attach, prune },
  release: { release, trust },
  'look at images': { tags, inspect, ls, cat, referrers },
  'copy and carry': { copy, mirror, export: exportEngine, import: importEngines, 'import-ini': importIni },
  'log in': { login, logout },
  'in your shell': { completion },
};

/** All commands, or the one that is named: what the parser checks of each before it begins takes longer than a short command. */
function commandsFor({ arguments: [first = ''] }: Host): CommandGroups {
  const named = Object.values(groups).flatMap((commands) =>
    Object.entries(commands).filter(([name]) => name === first),
  );
  return named.length === 0 ? groups : { named: Object.fromEntries(named) };
}

type Target = Command<Host> | RouteMap<Host>;

/** The command that the arguments name, as far as there is one, and the commands that it has. */
function meantCommand({ arguments: [first = '', second = ''] }: Host): {
  words: readonly string[];
  commands: readonly string[];
} {
  const all = new Map(Object.values(groups).flatMap((commands) => Object.entries(commands)));
  const target = all.get(first);
  if (target === undefined) return { words: [], commands: [...all.keys()] };
  if ('loader' in target) return { words: [first], commands: [] };
  const commands = target.getAllEntries().map(({ name }) => name.original);
  return { words: commands.includes(second) ? [first, second] : [first], commands };
}

/** Every command as it is to be, with the help of this program. */
function mapGroups(
  groups: CommandGroups,
  { process: { stdout } }: Host,
  adapt: (command: Command<Host>) => Command<Host>,
): CommandGroups {
  const columns = Math.min(widestHelp, stdout.isTTY === true && stdout.columns ? stdout.columns : widestHelp);
  const adapted = (target: Target): Target =>
    'loader' in target
      ? {
          ...adapt(withoutEmptyValues(target)),
          formatHelp: ({ prefix }) => commandHelp(target, prefix, columns),
        }
      : {
          ...target,
          formatHelp: ({ prefix }) => routeHelp(target, prefix, columns),
          getRoutingTargetForInput: (input: string) => {
            const found = target.getRoutingTargetForInput(input);
            return found === undefined ? undefined : adapted(found);
          },
        };
  return mapValues(groups, (commands) => mapValues(commands, adapted));
}

/** Longer lines are hard to read, however wide the terminal is. */
const widestHelp = 100;

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
