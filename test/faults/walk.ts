import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { changes } from './changes.js';
import { type Call, makeStand, type Outcome, type Stand } from './stand.js';
import { compareWithSystem } from './traced.js';

/** How a command is disturbed; `trace` compares its calls with those that the system sees. */
export type Disturbance = 'kills' | 'errors' | 'random' | 'trace';

/** How a command is walked through. */
export interface Walk {
  readonly how: Disturbance;
  /** The most points: calls, which the seed decides, or kills at random times. Without it every call. */
  readonly points?: number | undefined;
}

/** What came out for one command. */
export interface Walked {
  /** How many calls the command makes of those that can be struck. */
  readonly calls: number;
  /** How many of them were; how many times a kill met the command; how many calls the system saw. */
  readonly struck: number;
  readonly faults: readonly string[];
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

/** Makes the situation of one of the {@link changeNames}, for as many walks as are wanted. */
export function openStand(name: string): Promise<Stand> {
  return makeStand(name, realpathSync(mkdtempSync(`${tmpdir()}/engineshed-faults-`)));
}

/** Disturbs a command at its calls, or at random times, or only watches it, and tells what did not hold. */
export async function walk(stand: Stand, { how, points }: Walk, seed: number): Promise<Walked> {
  if (how === 'random') return killAtRandom(stand, points ?? 0, seed);
  if (how !== 'trace') return strikeCalls(stand, how, points, seed);
  const { seen, faults } = await compareWithSystem(stand);
  return { calls: stand.calls.filter(({ changes }) => changes).length, struck: seen, faults };
}

async function strikeCalls(
  stand: Stand,
  how: 'kills' | 'errors',
  points: number | undefined,
  seed: number,
): Promise<Walked> {
  const open = stand.calls.filter((call) => how === 'errors' || call.changes);
  const faults: string[] = [];
  let struck = 0;
  for (const call of spread(open, points ?? open.length, seed)) {
    const found = await strike(stand, call, how, seed);
    if (found === 'missed') continue;
    struck++;
    faults.push(...found.map((fault) => `${call.number} ${call.name} ${call.path}: ${fault}`));
  }
  return { calls: open.length, struck, faults };
}

function strike(stand: Stand, call: Call, how: 'kills' | 'errors', seed: number): Promise<Outcome> {
  if (how === 'kills') return stand.kill(call.number);
  // Every other one lasts: a disk that is full stays full.
  return stand.fail(call.number, call.number + seed, (call.number + seed) % 2 === 0 ? 'once' : 'lasting');
}

/** The machine may be many times as fast as it was when the command was timed: so many tries reach a hundredth of that time. */
const triesPerKill = 45;

/** Times at which the command was over already do not count: how long it takes is learnt on the way. */
async function killAtRandom(stand: Stand, kills: number, seed: number): Promise<Walked> {
  const random = randomNumbers(seed);
  const [from, to] = stand.atWork;
  let pace = 1;
  const faults: string[] = [];
  let struck = 0;
  for (let tries = 0; struck < kills && tries < triesPerKill * kills; tries++) {
    const milliseconds = pace * (0.8 * from + random() * (to - 0.8 * from));
    const found = await stand.killAfter(milliseconds);
    pace *= found === 'missed' ? 0.9 : 1.02;
    if (found === 'missed') continue;
    struck++;
    faults.push(...found.map((fault) => `killed after ${milliseconds.toFixed(1)} ms: ${fault}`));
  }
  return { calls: stand.calls.length, struck, faults };
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
