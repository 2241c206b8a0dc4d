import { fromSystemError } from '../errors/index.js';

/**
 * What a call reads; undefined where nothing is there, or something else than a file or link of ours. That a disk fails, or too many
 * files are open, does not mean that nothing is there.
 * @throws EngineshedError `IO_FAILED`, `FILE_PERMISSION`
 */
export function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw fromSystemError(error);
  }
}

/** Tells whether a failed call says that nothing is there, or something else than what was looked for. */
export function isAbsence(error: unknown): boolean {
  return absences.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Nothing is there; no link is there; a directory is. */
const absences = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'EISDIR', 'ELOOP']);
