import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { EngineshedError, fromSystemError } from '../errors/index.js';
import type { InstalledEngine } from '../store/read.js';
import type { Host } from './host.js';
import type { Start } from './start.js';

/** What only this process is told. */
const toUs = ['SIGTERM', 'SIGHUP'] as const;
/** What a terminal tells the command too: it must not get it twice, for many take the second as "at once". */
const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;

/**
 * Runs a command of an engine, or else any program, in the engine's environment: its standard streams are ours, signals reach it.
 * @param named what `ENGINESHED_ENGINE` says to the command
 * @returns its exit status; 128 and the signal's number where a signal ended it, as shells tell it
 * @throws EngineshedError `COMMAND_NOT_FOUND`, `FILE_PERMISSION`
 */
export async function runInEngine(
  host: Host,
  { environment: { set, unset }, commands = [] }: InstalledEngine,
  named: string,
  command: readonly string[],
): Promise<number> {
  const environment: Record<string, string | undefined> = { ...host.environment, ...set };
  for (const variable of unset) delete environment[variable];
  environment.ENGINESHED_ENGINE = named;
  const [asked = '', ...args] = command;
  const own = commands.find(({ name }) => name === asked);
  const program = { file: own?.file ?? asked, args, interpreter: own?.interpreter };
  if (program.file === '') throw notFound(program.file, undefined);
  const forwarded = host.process.stdin.isTTY ? toUs : [...toUs, ...fromTerminal];
  const start =
    host.platform === 'win32'
      ? (await import('./start.js')).startOnWindows(program, environment)
      : { ...program, windowsVerbatimArguments: false };
  return runChild(start, environment, forwarded);
}

/** The exit status of the child; 128 and the signal's number where a signal ended it, as shells tell it. */
function runChild(
  { file, args, windowsVerbatimArguments }: Start,
  env: Record<string, string | undefined>,
  forwarded: readonly NodeJS.Signals[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Before the command exists: it may be ready, and somebody may signal us, before we get another turn. A handler runs only
    // after this function, and so finds the child.
    const handlers = [...toUs, ...fromTerminal].map((signal) => ({
      signal,
      handler: () => void (forwarded.includes(signal) && child.kill(signal)),
    }));
    for (const { signal, handler } of handlers) process.on(signal, handler);
    const child = spawn(file, args, { stdio: 'inherit', env, windowsVerbatimArguments });
    const finish = () => {
      for (const { signal, handler } of handlers) process.off(signal, handler);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      finish();
      reject(error.code === 'ENOENT' ? notFound(file, error) : fromSystemError(error));
    });
    child.once('exit', (code, signal) => {
      finish();
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}

function notFound(file: string, cause: unknown): EngineshedError {
  if (file.includes('/')) {
    const fault = existsSync(file)
      ? `The interpreter that ${file} names is not there`
      : `There is no ${file}`;
    return new EngineshedError('COMMAND_NOT_FOUND', fault, { cause, details: { path: file } });
  }
  return new EngineshedError('COMMAND_NOT_FOUND', `There is no command "${file}" on the PATH`, {
    hint: 'The engine has no such command, and it does not change the PATH: name a program in it by its path.',
    cause,
  });
}
