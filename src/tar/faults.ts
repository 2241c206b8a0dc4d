import { EngineshedError } from '../errors/index.js';
import { showName } from './names.js';

/** Why an entry is refused: `LAYER_UNSAFE` would do harm, `LAYER_INVALID` is malformed. */
export interface Fault {
  readonly code: 'LAYER_UNSAFE' | 'LAYER_INVALID';
  /** The reason, as the end of a sentence about the entry ("its name ..."). */
  readonly reason: string;
  /** What can be done about it, where there is something. */
  readonly hint?: string;
}

/** An entry that would do harm. */
export function unsafe(reason: string, hint?: string): Fault {
  return { code: 'LAYER_UNSAFE', reason, ...(hint === undefined ? {} : { hint }) };
}

/** An entry that is malformed. */
export function invalid(reason: string): Fault {
  return { code: 'LAYER_INVALID', reason };
}

/** Tells a fault from the value that a check returns otherwise. */
export function isFault(value: string | object): value is Fault {
  return typeof value !== 'string' && 'reason' in value;
}

/** The error for an entry that is refused; names the entry and the reason. */
export function entryError(entry: string, fault: Fault): EngineshedError {
  const name = showName(entry.length > 300 ? `${entry.slice(0, 300)}...` : entry);
  return new EngineshedError(fault.code, `The entry "${name}" is refused: ${fault.reason}`, {
    hint: fault.hint ?? 'Nothing of this layer was installed. Tell its publisher.',
    details: { path: name },
  });
}

/** The error `LAYER_INVALID` for an archive that is malformed as a whole. */
export function archiveError(reason: string, cause?: unknown): EngineshedError {
  return new EngineshedError('LAYER_INVALID', `The archive is malformed: ${reason}`, {
    hint: 'Nothing of this layer was installed. Tell its publisher.',
    cause,
  });
}

/** The error `LAYER_LIMIT`. */
export function limitError(what: string, limit: number, entry?: string): EngineshedError {
  const where = entry === undefined ? '' : ` at the entry "${showName(entry.slice(0, 300))}"`;
  return new EngineshedError('LAYER_LIMIT', `The layer has more than ${limit} ${what}${where}`, {
    hint: 'If you trust the layer, raise the limit.',
    details: { expected: limit, ...(entry === undefined ? {} : { path: showName(entry) }) },
  });
}
