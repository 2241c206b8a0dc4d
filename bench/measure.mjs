// Times whole processes against each other, in turn, so that a machine whose speed drifts does not decide.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Runs a shell command once: wall milliseconds, and the peak memory of its largest process in bytes where it is known. */
export async function runOnce(command, environment = {}) {
  const started = process.hrtime.bigint();
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += text;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`${command}\nended with ${status}: ${complaint}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

/**
 * Runs two commands in turn and gives the median of the ratios ours/theirs, pair by pair.
 * @param ours,theirs functions of the round's number that give a shell command, so that each round has fresh directories
 */
export async function compare(ours, theirs, rounds) {
  const ratios = [];
  for (let round = -1; round < rounds; round++) {
    const first = await runOnce(ours(round));
    const second = await runOnce(theirs(round));
    if (round >= 0) ratios.push(first / second);
  }
  return median(ratios);
}

/** The most memory that a process held, in bytes, as the kernel counts it for the process itself. */
export async function peakMemory(file, args, environment) {
  const child = spawn(file, args, { env: { ...process.env, ...environment }, stdio: 'ignore' });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      peak = Math.max(peak, Number(line?.[1] ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 10);
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`);
  return peak;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
