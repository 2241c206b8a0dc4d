import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { EngineshedError, fromSystemError } from '../../errors/index.js';
import { chooseEngine } from '../engines.js';
import type { Host } from '../host.js';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Runs a command in an engine's environment and ends as it ends. */
export async function exec(
  this: Host,
  _flags: Record<never, never>,
  name: string,
  ...command: string[]
): Promise<void> {
  const { engine } = chooseEngine(this, name);
  const environment = { ...this.environment, ...engine.environment.set, ENGINESHED_ENGINE: engine.name };
  for (const variable of engine.environment.unset) delete (environment as Record<string, unknown>)[variable];
  const [file = '', ...args] = command;
  this.process.exitCode = await runChild(file, args, environment);
}

/** The exit status of the child; 128 and the signal's number where a signal ended it, as shells tell it. */
function runChild(
  file: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit', env });
    const handlers = forwarded.map((signal) => ({ signal, handler: () => void child.kill(signal) }));
    for (const { signal, handler } of handlers) process.on(signal, handler);
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
  return new EngineshedError('COMMAND_NOT_FOUND', `There is no command "${file}" on the PATH`, {
    hint: 'An engine sets variables, it does not change the PATH: name the command by its path.',
    cause,
  });
}
