import { EngineshedError, fromSystemError } from '../errors/index.js';
import { styled, wantsColour } from './colour.js';
import { type Host, wantsJson } from './host.js';
import { ownerHint } from './ownership.js';

/** The text of an error on the error stream: a JSON document with `--json`, else a line for what happened and one for what to do. */
export function formatFailure(host: Host, thrown: unknown): string {
  const error = withOwner(host, fromSystemError(thrown));
  if (wantsJson(host)) return JSON.stringify({ error: failureJson(error) });
  const hint = error.hint === undefined ? '' : `\n  ${error.hint}`;
  const mark = wantsColour(host, host.process.stderr) ? styled('red', 'engineshed:') : 'engineshed:';
  if (error.kind !== 'internal') return `${mark} ${error.message}${hint}`;
  const stack = thrown instanceof Error && thrown.stack !== undefined ? `\n${thrown.stack}` : '';
  return `${mark} ${error.message}\n  This is a fault of Engineshed; please report it with the lines below.${stack}`;
}

/** The exit status of a command that ends with an error. */
export function failureStatus(thrown: unknown): number {
  return fromSystemError(thrown).exitStatus;
}

/** An error of permission in the store says whose what is. */
function withOwner(host: Host, error: EngineshedError): EngineshedError {
  const { code, message, cause, details } = error;
  const hint =
    code === 'FILE_PERMISSION' && details.path !== undefined ? ownerHint(host, details.path) : undefined;
  return hint === undefined ? error : new EngineshedError(code, message, { hint, cause, details });
}

function failureJson(error: EngineshedError) {
  return {
    code: error.code,
    kind: error.kind,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
}
