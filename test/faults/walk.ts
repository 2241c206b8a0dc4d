import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { changes } from './changes.js';
import { type Call, makeStand, type Stand } from './stand.js';

/** How a command is disturbed. */
export type Disturbance = 'kills' | 'errors' | 'random';

/** What came out for one command. */
export interface Walked {
  readonly name: string;
  /** How many calls the command makes of those that can be struck. */
  readonly calls: number;
  /** How many of them were. */
  readonly struck: number;
  readonly faults: readonly string[];
}

/** How much of each command is walked. */
export interface Extent {
  /** The most points of a command: calls, or times. Without it every call. */
  readonly points: number | undefined;
  /** Decides which. */
  readonly seed: number;
}

/** The names of all changes. */
export const changeNames: readonly string[] = Object.keys(changes);

/** A number that is another one for each commit, so that in time every call is struck; `FAULTS_SEED` gives back an earlier one. */
export function presentSeed(environment: Readonly<Record<string, string | undefined>>): number {
  if (environment.FAULTS_SEED !== undefined) return Number(environment.FAULTS_SEED);
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' });
    return Number.parseInt(commit.slice(0, 7), 16);
  } catch {
    return Math.floor(Date.now() / 86_400_000);
  }
}

/** Disturbs one command at its calls, or at random times, and tells what did not hold. */
export async function walk(name: string, how: Disturbance, { points, seed }: Extent): Promise<Walked> {
  const stand = await makeStand(name, realpathSync(mkdtempSync(`${tmpdir()}/engineshed-faults-`)));
  const faults: string[] = [];
  try {
    if (how === 'random') {
      const random = randomNumbers(seed);
      for (let at = 0; at < (points ?? 0); at++) {
        const milliseconds = random() * stand.duration;
        const found = await stand.killAfter(milliseconds);
        faults.push(...found.map((fault) => `killed after ${milliseconds.toFixed(1)} ms: ${fault}`));
      }
      return { name, calls: stand.calls.length, struck: points ?? 0, faults };
    }
    const open = stand.calls.filter((call) => how === 'errors' || call.changes);
    const chosen = spread(open, points ?? open.length, seed);
    let struck = 0;
    for (const call of chosen) {
      const found = await strike(stand, call, how, seed);
      if (found === 'missed') continue;
      struck++;
      faults.push(...found.map((fault) => `${call.number} ${call.name} ${call.path}: ${fault}`));
    }
    return { name, calls: open.length, struck, faults };
  } finally {
    await stand.close();
  }
}

function strike(stand: Stand, call: Call, how: 'kills' | 'errors', seed: number): ReturnType<Stand['kill']> {
  if (how === 'kills') return stand.kill(call.number);
  // Every other one lasts: a disk that is full stays full.
  return stand.fail(call.number, call.number + seed, (call.number + seed) % 2 === 0 ? 'once' : 'lasting');
}

/** At most `most` of them, evenly spread, beginning where the seed says. */
function spread(calls: readonly Call[], most: number, seed: number): readonly Call[] {
  if (calls.length <= most) return calls;
  const start = seed % calls.length;
  const picked = Array.from(
    { length: most },
    (_, at) => (start + Math.floor((at * calls.length) / most)) % calls.length,
  );
  return picked.sort((a, b) => a - b).flatMap((at) => calls[at] ?? []);
}

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
