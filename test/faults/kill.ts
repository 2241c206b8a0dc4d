import { spawn } from 'node:child_process';
import { program } from '../acceptance/user.js';
import type { Change } from './changes.js';

/** What is run, and where. */
export interface Disturbed {
  readonly change: Pick<Change, 'command' | 'input'>;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs a command, and kills it with all its children after some milliseconds, unless it is over by then. */
export function runAndKillAfter(
  { change: { command, input }, cwd, env }: Disturbed,
  milliseconds: number,
): Promise<'killed' | 'over'> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), milliseconds);
    child.on('error', reject);
    child.on('exit', () => clearTimeout(timer));
    child.on('close', (_, signal) => resolve(signal === 'SIGKILL' ? 'killed' : 'over'));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}
