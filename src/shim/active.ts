import { EngineshedError } from '../errors/index.js';
import { readCurrent, type StorePaths } from '../store/read.js';

/** An engine that is selected, and what selected it. */
export interface Selection {
  readonly name: string;
  /** For people: `ENGINESHED_ENGINE is set`, or `it was chosen with "engineshed use"`. */
  readonly reason: string;
  readonly by: 'environment' | 'current';
}

/** The environment variables that select an engine, the first that is set and not empty wins. */
const selectionVariables = ['ENGINESHED_ENGINE', 'HAMLET_ENGINE'] as const;

/** Which engine is selected: by the environment of this process, else by `use`. */
export function findSelection(
  paths: StorePaths,
  environment: Readonly<Record<string, string | undefined>>,
): Selection | undefined {
  for (const variable of selectionVariables) {
    const name = environment[variable];
    if (name) return { name, reason: `${variable} is set`, by: 'environment' };
  }
  const name = readCurrent(paths);
  return name === undefined
    ? undefined
    : { name, reason: 'it was chosen with "engineshed use"', by: 'current' };
}

/**
 * The same, where one is needed.
 * @throws EngineshedError `ENGINE_NONE_ACTIVE`
 */
export function activeSelection(
  paths: StorePaths,
  environment: Readonly<Record<string, string | undefined>>,
): Selection {
  const selection = findSelection(paths, environment);
  if (selection !== undefined) return selection;
  throw new EngineshedError('ENGINE_NONE_ACTIVE', 'No engine is active', {
    hint: 'Install one with "engineshed install", or choose an installed one with "engineshed use NAME".',
  });
}
