/** A stream to write text to. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A stream to write the result to, bytes too. */
export interface ResultStream extends TextStream {
  write(content: string | Uint8Array, done?: () => void): unknown;
}

/** Everything that the command line takes from its process; nothing else in the program reads `process`. */
export interface Host {
  readonly process: {
    readonly stdout: ResultStream;
    readonly stderr: TextStream;
    readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
    exitCode?: number | string | null;
  };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly arguments: readonly string[];
  readonly directory: string;
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly architecture: string;
  readonly pid: number;
  /** The number of the user, where the system has such. */
  readonly userId: number | undefined;
  readonly home: string;
  readonly temporary: string;
  /** Of this program, and of Node. */
  readonly version: string;
  readonly nodeVersion: string;
  now(): Date;
  /** Starts this program once more, with these arguments, on its own: nobody waits for it or sees what it says. */
  inBackground(...args: readonly string[]): Promise<void>;
  /** Loads the code for what commands that start fast seldom need. */
  firstUse(): Promise<typeof import('./first-use.js')>;
}

/** Whether this run prints one JSON document instead of text. Known before flags are parsed, since errors depend on it. */
export function wantsJson(host: Host): boolean {
  // All arguments of that one are the command's.
  if (host.arguments[0] === 'exec') return false;
  const end = host.arguments.indexOf('--');
  return host.arguments.slice(0, end < 0 ? undefined : end).includes('--json');
}
