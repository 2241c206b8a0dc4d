import { spawn } from 'node:child_process';
import { mapLimited, type Reporter } from '../content/index.js';

/** A test to run, see the `[[release.test]]` tables. */
export interface TestToRun {
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Whether no other test may run at the same time. */
  readonly alone: boolean;
}

/** How a test ended. */
export interface TestOutcome {
  readonly name: string;
  readonly passed: boolean;
  /** Its exit status; null where a signal ended it or it could not be started. */
  readonly status: number | null;
  /** For people: `it ended with status 3`; undefined where it passed. */
  readonly fault: string | undefined;
  readonly durationMs: number;
  /** The end of what it printed on both streams, as text. */
  readonly output: string;
}

/** What tests run in. */
export interface TestSurroundings {
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  /** How many run at the same time. */
  readonly concurrent: number;
  readonly report: Reporter;
  /** Ends the tests that run, with all that they started, and begins no others. */
  readonly signal?: AbortSignal | undefined;
}

/** How much of a test's output is kept: the last 64 KiB. */
const maxOutput = 64 * 1024;
/** How long a test may take to end after it was asked to. */
const graceMs = 5000;

/**
 * Runs tests, those that have to be alone after the others. One whose time is up is ended, with all that it started. All run, also
 * after one that failed.
 * @returns the outcomes in the order of the tests
 */
export async function runTests(
  tests: readonly TestToRun[],
  surroundings: TestSurroundings,
): Promise<TestOutcome[]> {
  const outcomes = new Map<TestToRun, TestOutcome>();
  const run = async (test: TestToRun) => {
    if (surroundings.signal?.aborted) return;
    outcomes.set(test, await runTest(test, surroundings));
    surroundings.report({ type: 'count', what: 'tests', done: outcomes.size, total: tests.length });
  };
  const together = tests.filter(({ alone }) => !alone);
  await mapLimited(together, surroundings.concurrent, run);
  for (const test of tests.filter(({ alone }) => alone)) await run(test);
  return tests.flatMap((test) => outcomes.get(test) ?? []);
}

function runTest(
  test: TestToRun,
  { environment, directory, signal: stop }: TestSurroundings,
): Promise<TestOutcome> {
  const [file = '', ...args] = test.command;
  const begun = performance.now();
  return new Promise((resolve) => {
    const output = new Tail(maxOutput);
    let timedOut = false;
    // A group of its own, so that what it starts can be ended with it.
    const child = spawn(file, args, {
      cwd: directory,
      env: environment as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const signalAll = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has ended.
      }
    };
    let killTimer: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      timedOut = true;
      signalAll('SIGTERM');
      killTimer = setTimeout(() => signalAll('SIGKILL'), graceMs);
    }, test.timeoutMs);
    const onStop = () => signalAll('SIGKILL');
    stop?.addEventListener('abort', onStop);
    const finish = (fault: string | undefined, status: number | null) => {
      stop?.removeEventListener('abort', onStop);
      clearTimeout(timer);
      clearTimeout(killTimer);
      child.stdout.destroy();
      child.stderr.destroy();
      const durationMs = Math.round(performance.now() - begun);
      const passed = fault === undefined;
      resolve({ name: test.name, passed, status, fault, durationMs, output: output.text() });
    };
    child.stdout.on('data', (chunk: Buffer) => output.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.add(chunk));
    child.once('error', (error) => finish(`"${file}" could not be started: ${error.message}`, null));
    child.once('exit', (code, signal) => {
      const fault = faultOf(code, signal, timedOut ? test.timeoutMs : undefined);
      // What it left in the background must not run on. Its output ends with it, but for what has left the group.
      signalAll('SIGKILL');
      const patience = setTimeout(() => finish(fault, code), graceMs);
      child.once('close', () => {
        clearTimeout(patience);
        finish(fault, code);
      });
    });
  });
}

function faultOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  timedOutAfter: number | undefined,
): string | undefined {
  if (timedOutAfter !== undefined) return `it took longer than ${timedOutAfter / 1000} s`;
  if (signal !== null) return `it was ended by ${signal}`;
  return code === 0 ? undefined : `it ended with status ${code}`;
}

/** The last bytes of a stream. */
class Tail {
  readonly #max: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 2 * this.#max) return;
    const kept = this.#kept();
    this.#chunks = [kept];
    this.#size = kept.length;
  }

  text(): string {
    return this.#kept().toString('utf8');
  }

  #kept(): Buffer {
    return Buffer.from(Buffer.concat(this.#chunks).subarray(-this.#max));
  }
}
