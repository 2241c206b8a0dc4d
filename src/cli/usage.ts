import {
  AliasNotFoundError,
  ArgumentParseError,
  EnumValidationError,
  FlagNotFoundError,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from '@stricli/core';
import { EngineshedError, nearest } from '../errors/index.js';
import { helpTexts } from './help-texts.js';
import { execUsage } from './words.js';

/** What other programs, and the predecessor, call the commands. */
const otherNames: Readonly<Record<string, string>> = {
  push: 'publish',
  pull: 'install',
  upgrade: 'update',
  remove: 'uninstall',
  rm: 'uninstall',
  delete: 'uninstall',
  clean: 'gc',
  search: 'available',
  status: 'current',
  run: 'exec',
  switch: 'use',
  select: 'use',
  activate: 'use',
  default: 'use',
  info: 'show',
  describe: 'show',
  check: 'doctor',
  revert: 'rollback',
  undo: 'rollback',
  sign: 'trust sign',
  promote: 'release promote',
  build: 'release build',
  sbom: 'release sbom',
  save: 'export',
  load: 'import',
  discover: 'referrers',
  'list-engine-locations': 'available',
  'list-engines': 'list',
  'describe-engine': 'show',
  'install-engine': 'install',
  'set-engine': 'use',
  'get-engine': 'current',
  'clean-engines': 'uninstall',
};

/**
 * The error for a command that there is none of: `USAGE`.
 * @param group the command whose commands are meant, empty for those of the program
 * @param commands those that there are
 */
export function unknownCommand(input: string, group: string, commands: readonly string[]): EngineshedError {
  const all = `All commands: engineshed ${group === '' ? '' : `${group} `}--help`;
  if (input.startsWith('-')) {
    return new EngineshedError('USAGE', `"${input}" is in the place of a command`, {
      hint: `Write the command first, then its flags. ${all}`,
    });
  }
  const known = new Map(group === '' ? Object.entries(otherNames) : []);
  const meant = known.get(input) ?? nearest(input, commands);
  return new EngineshedError('USAGE', `There is no command "${input}"`, {
    hint: meant === undefined ? all : `Did you mean "${meant}"? ${all}`,
  });
}

/**
 * The error for arguments or flags that a command does not take: `USAGE`.
 * @param error what the parser threw
 * @param command the command, for where to look
 */
export function misusedCommand(error: unknown, command: string): EngineshedError {
  const { message, hint } = describe(error, command);
  const help = command === 'exec' ? execUsage : `See: engineshed ${command} --help`;
  return new EngineshedError('USAGE', message, {
    hint: hint === undefined ? help : `${hint} ${help}`,
    cause: error,
  });
}

function describe(error: unknown, command: string): { message: string; hint?: string } {
  if (error instanceof FlagNotFoundError) {
    const meant = error.corrections.map(flagNamed).join(' or ');
    const message = `There is no flag --${error.input}`;
    return meant === '' ? { message } : { message, hint: `Did you mean ${meant}?` };
  }
  if (error instanceof AliasNotFoundError) return { message: `There is no flag -${error.input}` };
  if (error instanceof UnsatisfiedFlagError)
    return { message: `The value of ${flagNamed(error.externalFlagName)} is missing` };
  if (error instanceof UnexpectedFlagError)
    return { message: `${flagNamed(error.externalFlagName)} is there twice` };
  if (error instanceof EnumValidationError) {
    const message = `${flagNamed(error.externalFlagName)} cannot be "${error.input}"`;
    return { message, hint: `It is one of ${error.values.join(', ')}.` };
  }
  if (error instanceof ArgumentParseError) {
    const reason = error.exception instanceof Error ? error.exception.message : String(error.exception);
    return { message: `${flagNamed(error.externalFlagNameOrPlaceholder)}: ${reason}` };
  }
  if (error instanceof UnexpectedPositionalError)
    return { message: `There is an argument too many: "${error.input}"` };
  if (error instanceof UnsatisfiedPositionalError) {
    const { limit, placeholder } = error;
    if (limit === undefined) return { message: `The argument ${placeholder} is missing` };
    const [usage = ''] = helpTexts[command]?.usage ?? [];
    return { message: 'Arguments are missing', hint: `Write: engineshed ${command} ${usage}.` };
  }
  return { message: error instanceof Error ? error.message : String(error) };
}

/** As it is documented: the parser knows flags by their names in the code, too. */
function flagNamed(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
