import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built program. */
export const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

/** What a run of a program left behind. */
export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user with a home directory of their own, in which the built program runs. */
export interface User {
  readonly home: string;
  /** The store's root. */
  readonly store: string;
  /** A working directory. */
  readonly work: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs engineshed. */
  engineshed(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Runs engineshed, which must succeed, and gives its output. */
  output(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Runs engineshed with `--json`, which must succeed, and gives its document. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
  json(args: readonly string[], options?: RunOptions): Promise<any>;
}

/** How to run a program. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly input?: string;
  /** After so many milliseconds it is killed. */
  readonly patience?: number;
}

/** A user whose home is a directory that exists. */
export function userIn(home: string): User {
  const work = `${home}/work`;
  mkdirSync(work, { recursive: true });
  const store = `${home}/store`;
  const environment = {
    PATH: `${store}/shims:${process.env.PATH ?? ''}`,
    HOME: home,
    ENGINESHED_HOME: store,
    LC_ALL: 'C.UTF-8',
    CI: '1',
  };
  const user: User = {
    home,
    store,
    work,
    environment,
    engineshed: (args, options = {}) =>
      run(process.execPath, [program, ...args], {
        directory: work,
        ...options,
        environment: { ...environment, ...options.environment },
      }),
    async output(args, options) {
      const result = await user.engineshed(args, options);
      if (result.status !== 0)
        throw new Error(`engineshed ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
      return result.stdout;
    },
    json: async (args, options) => JSON.parse(await user.output([...args, '--json'], options)),
  };
  return user;
}

/** Runs a program to its end. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.directory,
      env: options.environment ?? process.env,
      timeout: options.patience,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
    // A program that ends without reading its input closes it; that is its right.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}
