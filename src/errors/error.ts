import { type ErrorCode, type ErrorKind, errorCodes, errorKinds } from './codes.js';
import { sanitize } from './sanitize.js';

/** The most characters of a text in an error: what comes from outside may have megabytes. */
const maxText = 8192;

/** Data that a caller may act on, beside the code. Only what applies is set. */
export interface ErrorDetails {
  /** What should have been there (a digest, a size in bytes, a media type). */
  readonly expected?: string | number;
  /** What was there instead. */
  readonly actual?: string | number;
  /** The address that was asked, without user info and query. */
  readonly url?: string;
  /** The HTTP status of the answer. */
  readonly status?: number;
  /** The error codes in the answer (distribution specification, "Error Codes"), for instance `DIGEST_INVALID`. */
  readonly reasons?: readonly string[];
  /** The file or archive entry concerned. */
  readonly path?: string;
  /** The reference concerned. */
  readonly reference?: string;
}

/** What an error is made of, beside its code and message. */
export interface ErrorOptions {
  /** What the user can do next, as one sentence. */
  readonly hint?: string | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Data that a caller may act on. */
  readonly details?: ErrorDetails;
}

/**
 * The one error class of Engineshed. `message` says what happened to what; `hint` says what to do next; `code` is stable.
 * Control characters and credentials are removed from message, hint and details when the error is made, and each is cut to 8,192
 * characters.
 */
export class EngineshedError extends Error {
  override readonly name = 'EngineshedError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(presentable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint === undefined ? undefined : presentable(options.hint);
    this.details = sanitizeDetails(options.details ?? {});
  }

  /** The kind of the error, which groups codes by what a caller can do about them. */
  get kind(): ErrorKind {
    return errorCodes[this.code];
  }

  /** The exit status of a command that ends with this error (see `errorKinds`). */
  get exitStatus(): number {
    return errorKinds[this.kind];
  }
}

/** Tells whether `error` is an {@link EngineshedError} and, where codes are given, has one of them. */
export function isEngineshedError(error: unknown, ...codes: readonly ErrorCode[]): error is EngineshedError {
  return error instanceof EngineshedError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Says in which operation an error happened: the same code, hint and details, with `operation` before the message.
 * An error of another class becomes `INTERNAL`, unless it is a failed system call (see {@link fromSystemError}).
 */
export function inOperation(operation: string, error: unknown): EngineshedError {
  const known = error instanceof EngineshedError ? error : fromSystemError(error);
  return new EngineshedError(known.code, `${operation}: ${known.message}`, {
    hint: known.hint,
    cause: error,
    details: known.details,
  });
}

/**
 * Turns a failed system call into an error with a code: `DISK_FULL` (ENOSPC, EDQUOT), `FILE_PERMISSION` (EACCES, EPERM,
 * EROFS), `PATH_NOT_FOUND` (ENOENT), `IO_FAILED` for every other; what is no system error becomes `INTERNAL`. An
 * {@link EngineshedError} comes back as it is.
 */
export function fromSystemError(error: unknown): EngineshedError {
  if (error instanceof EngineshedError) return error;
  const system = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || typeof system.code !== 'string' || system.syscall === undefined) {
    return new EngineshedError('INTERNAL', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  const where = system.path === undefined ? '' : ` ${system.path}`;
  const details = system.path === undefined ? {} : { path: system.path };
  const make = (code: ErrorCode, what: string, hint?: string) =>
    new EngineshedError(code, `${what}${where} (${system.code}, ${system.syscall})`, {
      hint,
      cause: error,
      details,
    });
  switch (system.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return make(
        'DISK_FULL',
        'No space is left to write',
        'Free some space or choose another ENGINESHED_HOME.',
      );
    case 'EACCES':
    case 'EPERM':
      return make(
        'FILE_PERMISSION',
        'No permission for',
        'Check the owner and mode of that path, and of the directory that it is in.',
      );
    case 'EROFS':
      return make(
        'FILE_PERMISSION',
        'The file system is read-only at',
        'Choose a place that can be written to. The store is where ENGINESHED_HOME says.',
      );
    case 'ENOENT':
      return make('PATH_NOT_FOUND', 'There is no');
    case 'EEXIST':
      return make('IO_FAILED', 'Something else stands at', 'Take it away, or choose another place.');
    case 'EISDIR':
      return make('IO_FAILED', 'A directory stands in the place of a file', 'Name a file.');
    case 'ENOTDIR':
      return make('IO_FAILED', 'A file stands in the place of a directory on the way to', 'Check the path.');
    default:
      return make('IO_FAILED', 'The file system failed at');
  }
}

/** What a user named, and what for. */
interface NamedPath {
  readonly what: 'file' | 'directory';
  readonly path: string;
  /** The end of the sentence "There is no file PATH", such as `to attach`. */
  readonly purpose?: string;
  /** What to do where it is not there. */
  readonly hint?: string;
}

/**
 * Turns a failed system call on what a user named into an error: `PATH_NOT_FOUND`, which says what is not there (ENOENT,
 * ENOTDIR for a path that leads through a file, and EISDIR), or what {@link fromSystemError} makes of every other.
 */
export function fromNamedPath({ what, path, purpose, hint }: NamedPath, error: unknown): EngineshedError {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof EngineshedError || !['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code ?? ''))
    return fromSystemError(error);
  const instead = code === 'EISDIR' ? ', but a directory' : '';
  const message = `There is no ${what} ${path}${purpose === undefined ? '' : ` ${purpose}`}${instead}`;
  return new EngineshedError('PATH_NOT_FOUND', message, { hint, cause: error, details: { path } });
}

/** How {@link fromNamedPath} speaks of the directory for temporary files, which a user names by TMPDIR. */
export function temporaryPlace(path: string): NamedPath {
  const hint = 'Make that directory, or set TMPDIR to one that is there.';
  return { what: 'directory', path, purpose: 'for temporary files', hint };
}

function sanitizeDetails(details: ErrorDetails): ErrorDetails {
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [
      key,
      typeof value === 'string' ? presentable(value) : value,
    ]),
  );
}

/** Cut only when secrets are gone, of which a part may not look like one. */
function presentable(text: string): string {
  const clean = sanitize(text);
  return clean.length > maxText ? `${clean.slice(0, maxText)}...` : clean;
}
