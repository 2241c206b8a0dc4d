import { dirname, join } from 'node:path';
import coerce from 'semver/functions/coerce.js';
import satisfies from 'semver/functions/satisfies.js';
import { findProgram, type Surroundings } from './find.js';
import { type Ended, runProgram } from './run.js';
import { knownTools } from './tools.js';
import type { Requirement } from './types.js';

/** How long a program may take to tell its version, in milliseconds. */
const versionMs = 5_000;
/** How long a check that an engine brings may take, in milliseconds. */
const checkMs = 10_000;
/** The most lines of what a failed check printed. */
const maxLines = 3;

/** A requirement, and who has it. */
export interface Need extends Requirement {
  /** Engines, and components of engines, for people. */
  readonly by: readonly string[];
  /** What `check` is relative to: an absolute directory; undefined where there is none yet. */
  readonly directory?: string | undefined;
  /** The variables of the engine, for `check`. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** What looking for something that is needed gave. */
export type Outcome =
  | { readonly status: 'met'; readonly found?: string | undefined; readonly path?: string }
  | { readonly status: 'missing' }
  /** It is there, of a version that will not do. */
  | { readonly status: 'unfit'; readonly found: string; readonly path: string }
  /** It is there, and does not tell its version. */
  | { readonly status: 'unknown'; readonly path: string; readonly reason: string }
  /** Its check says no. */
  | { readonly status: 'failed'; readonly path: string; readonly reason: string }
  /** To find out, something that the engine says would have to be run. */
  | { readonly status: 'unchecked' };

/** Makes one of needs that are alike. */
export function mergeNeeds(needs: readonly Need[]): Need[] {
  const distinct = new Map<string, Need>();
  for (const need of needs) {
    const { name, version, versionCommand, check, directory } = need;
    const key = JSON.stringify([name, version, versionCommand, check, check === undefined ? '' : directory]);
    const same = distinct.get(key);
    distinct.set(
      key,
      same === undefined ? need : { ...need, ...same, by: [...new Set([...same.by, ...need.by])] },
    );
  }
  return [...distinct.values()];
}

/**
 * Looks for what is needed. A program is asked for its version once, however many need it; several are asked at a time.
 * @param mayRun `known tools` runs nothing that an engine or a component chose: only programs of the table, with the arguments
 * there; `anything` also version commands and the checks that components bring
 */
export async function checkNeeds<N extends Need>(
  needs: readonly N[],
  surroundings: Surroundings,
  mayRun: 'known tools' | 'anything',
): Promise<{ readonly need: N; readonly outcome: Outcome }[]> {
  const asked = new Map<string, Promise<Ended>>();
  const ask = (path: string, args: readonly string[]) => {
    const key = JSON.stringify([path, args]);
    const answer =
      asked.get(key) ??
      runProgram(path, args, {
        ...surroundings,
        // The working directory may be gone, of which shells complain.
        directory: dirname(path),
        limitMs: versionMs,
      });
    asked.set(key, answer);
    return answer;
  };
  return Promise.all(
    needs.map(async (need) => ({ need, outcome: await checkNeed(need, surroundings, mayRun, ask) })),
  );
}

async function checkNeed(
  need: Need,
  surroundings: Surroundings,
  mayRun: 'known tools' | 'anything',
  ask: (path: string, args: readonly string[]) => Promise<Ended>,
): Promise<Outcome> {
  if (need.check !== undefined) {
    if (mayRun === 'known tools' || need.directory === undefined) return { status: 'unchecked' };
    const environment = { ...surroundings.environment, ...need.environment };
    return runCheck(join(need.directory, need.check), need.directory, { ...surroundings, environment });
  }
  const { name, version, versionCommand } = need;
  const path = findProgram(versionCommand?.[0] ?? name, surroundings);
  if (path === undefined) return { status: 'missing' };
  if (version === undefined) return { status: 'met', path };
  const known = knownTools.get(name);
  if (versionCommand !== undefined && mayRun === 'known tools') return { status: 'unchecked' };
  const args = versionCommand?.slice(1) ?? known?.arguments;
  if (args === undefined) {
    return { status: 'unknown', path, reason: 'how it tells its version is not known to this Engineshed' };
  }
  const answer = await ask(path, args);
  if (answer.how === 'too slow')
    return { status: 'unknown', path, reason: `it took more than ${versionMs / 1000} s to tell its version` };
  // What a program says that fails is no version, whatever numbers are in it.
  const told = answer.status === 0 ? answer.output : '';
  const found = versionIn(told, versionCommand === undefined ? known?.pattern : undefined);
  const comparable = coerce(found);
  if (found === undefined || comparable === null)
    return { status: 'unknown', path, reason: 'it tells no version' };
  return { status: satisfies(comparable, version) ? 'met' : 'unfit', found, path };
}

/** The version in what a program says of itself. */
function versionIn(output: string, pattern: RegExp | undefined): string | undefined {
  if (pattern !== undefined) return pattern.exec(output)?.[1];
  return (/\d+(?:\.\d+)+/.exec(output) ?? /\d+/.exec(output))?.[0];
}

async function runCheck(path: string, directory: string, surroundings: Surroundings): Promise<Outcome> {
  const ended = await runProgram(path, [], { ...surroundings, directory, limitMs: checkMs });
  if (ended.how === 'ended' && ended.status === 0) return { status: 'met', path };
  if (ended.how === 'not started') return { status: 'failed', path, reason: 'it cannot be run' };
  const how =
    ended.how === 'too slow'
      ? `it took more than ${checkMs / 1000} s`
      : ended.status === null
        ? 'it was killed'
        : `it ended with ${ended.status}`;
  const said = ended.output.split('\n').map((line) => line.trim());
  const lines = said.filter((line) => line !== '').slice(0, maxLines);
  return { status: 'failed', path, reason: lines.length === 0 ? how : `${how}: ${lines.join(' / ')}` };
}
