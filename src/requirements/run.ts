import { spawn } from 'node:child_process';
import type { Surroundings } from './find.js';

/** The most of what a program prints that is kept, in bytes. */
const maxOutputBytes = 65_536;

/** How a program ended. */
export interface Ended {
  /** `too slow`: it did not end in time, and was killed with all that it had started. */
  readonly how: 'ended' | 'not started' | 'too slow';
  /** Its exit status; null where it has none. */
  readonly status: number | null;
  /** The beginning of what it printed on both streams. */
  readonly output: string;
}

/** How to run a program. */
export interface RunOptions extends Surroundings {
  /** After so many milliseconds it is killed. */
  readonly limitMs: number;
  readonly directory?: string | undefined;
}

/**
 * Runs a program to its end, without input and without a terminal that it could ask on; never rejects.
 */
export function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve) => {
    // A session of its own: there is no terminal in it, and it can be ended as a whole.
    const detached = options.platform !== 'win32';
    const child = spawn(file, args, {
      cwd: options.directory,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      detached,
    });
    let output = Buffer.alloc(0);
    const keep = (chunk: Buffer) => {
      if (output.length < maxOutputBytes) output = Buffer.concat([output, chunk]).subarray(0, maxOutputBytes);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (how: Ended['how'], status: number | null) => {
      clearTimeout(timer);
      // What it started may still hold these.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ how, status, output: output.toString('utf8') });
    };
    const timer = setTimeout(() => {
      killAll(child.pid, detached);
      end('too slow', null);
    }, options.limitMs);
    child.once('error', () => end('not started', null));
    // Not "exit": what it printed last may come after that. A program that left others behind ends when its time is over.
    child.once('close', (status) => end('ended', status));
  });
}

function killAll(pid: number | undefined, isGroup: boolean): void {
  if (pid === undefined) return;
  try {
    process.kill(isGroup ? -pid : pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
