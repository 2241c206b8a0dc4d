import { fromSystemError } from '../../errors/index.js';

/** Something that is not as it should be: what, why, and what to do about it. */
export interface Finding {
  /** A `problem` keeps something from working; a `warning` may, some day or somewhere. */
  readonly severity: 'problem' | 'warning';
  readonly issue: string;
  readonly cause: string;
  readonly remedy: string;
}

/** What looking at one thing gave. */
export interface Check {
  readonly name: string;
  /** What was seen, for people. */
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** The finding of something that failed with an error, whose hint says what to do. */
export function findingOf(issue: string, thrown: unknown, remedy: string): Finding {
  const error = fromSystemError(thrown);
  return { severity: 'problem', issue, cause: error.message, remedy: error.hint ?? remedy };
}
