import { existsSync } from 'node:fs';
import { win32 } from 'node:path';
import { EngineshedError } from '../errors/index.js';
import { findProgram } from '../requirements/find.js';

/** What is to be run. */
export interface Program {
  /** A path, or the name of a program on the PATH. */
  readonly file: string;
  readonly args: readonly string[];
  /** What runs it, for a command of an engine that is a script on Windows. */
  readonly interpreter?: readonly string[] | undefined;
}

/** What to give to `spawn`. */
export interface Start {
  readonly file: string;
  readonly args: readonly string[];
  readonly windowsVerbatimArguments: boolean;
}

/**
 * How a program is started on Windows, which itself starts only `.exe` and `.com`: a batch file by `cmd`, a script by its interpreter. As
 * the shims there do it. What is not found is left to fail.
 * @param environment that it gets
 * @throws EngineshedError `USAGE` for an argument that a batch file cannot be given, `COMMAND_NOT_FOUND`
 */
export function startOnWindows(
  { file, args, interpreter }: Program,
  environment: Readonly<Record<string, string | undefined>>,
): Start {
  const variable = (name: string) => lookUp(environment, name);
  const surroundings = {
    environment: { PATH: variable('PATH'), PATHEXT: variable('PATHEXT') },
    platform: 'win32',
  };
  if (interpreter !== undefined) {
    const [name = '', ...options] = interpreter;
    const onPath = findProgram(name, surroundings);
    const isShell = name === 'sh' || name === 'bash';
    const program = isShell ? findShell(name, onPath, variable) : (onPath ?? name);
    // Scripts look for what is beside them by what is before the last "/".
    return plainly(program, [...options, file.replaceAll('\\', '/'), ...args]);
  }
  const found = /[\\/]/.test(file) ? file : (findProgram(file, surroundings) ?? file);
  if (!/\.(?:cmd|bat)$/i.test(found)) return plainly(found, args);
  const line = [`"${win32.normalize(found)}"`, ...args.map(quoteForBatch)].join(' ');
  return {
    file: variable('COMSPEC') ?? 'cmd.exe',
    args: ['/e:on', '/v:off', '/d', '/s', '/c', `"${line}"`],
    windowsVerbatimArguments: true,
  };
}

function plainly(file: string, args: readonly string[]): Start {
  return { file, args, windowsVerbatimArguments: false };
}

/**
 * The shell on the PATH, but for the one of Windows itself, which runs another system; else that of Git.
 * @throws EngineshedError `COMMAND_NOT_FOUND`
 */
function findShell(
  shell: string,
  onPath: string | undefined,
  variable: (name: string) => string | undefined,
): string {
  if (onPath !== undefined && !/\\(?:System32|WindowsApps)\\/i.test(onPath)) return onPath;
  const ofGit = [variable('PROGRAMFILES'), `${variable('LOCALAPPDATA')}\\Programs`]
    .map((directory) => `${directory}\\Git\\bin\\${shell}.exe`)
    .find((file) => existsSync(file));
  if (ofGit !== undefined) return ofGit;
  throw new EngineshedError('COMMAND_NOT_FOUND', `There is no ${shell} that runs scripts of Windows`, {
    hint: 'Install Git for Windows, or put the directory of another one on the PATH.',
  });
}

/** Upper and lower case do not count in the names of variables, but the copy of an environment does not know that. */
function lookUp(
  environment: Readonly<Record<string, string | undefined>>,
  upperCase: string,
): string | undefined {
  const key = Object.keys(environment).find((other) => other.toUpperCase() === upperCase);
  return key === undefined ? undefined : environment[key];
}

/**
 * A word that `cmd` takes from its command line, and the batch file behind it from its arguments, as one, unchanged: quotes in it are
 * doubled, so that nothing of it is ever outside of quotes, and before each "%" is a variable that expands to nothing.
 * @throws EngineshedError `USAGE` for a line end, which no batch file can be given
 */
function quoteForBatch(word: string): string {
  if (/[\r\n\0]/.test(word))
    throw new EngineshedError('USAGE', 'An argument has a line end in it, which no batch file can be given');
  const text = word.replace(/(\\*)"/g, '$1$1""').replace(/(\\*)$/, '$1$1');
  return `"${text.replaceAll('%', '%%cd:~,%')}"`;
}
