export { type ErrorCode, type ErrorKind, errorCodes, errorKinds } from './codes.js';
export {
  EngineshedError,
  type ErrorDetails,
  type ErrorOptions,
  fromNamedPath,
  fromSystemError,
  inOperation,
  isEngineshedError,
  temporaryPlace,
} from './error.js';
export { didYouMean, nearest } from './nearest.js';
export { escapeControls, sanitizeLine } from './sanitize.js';
