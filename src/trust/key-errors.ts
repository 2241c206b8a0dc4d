import { EngineshedError } from '../errors/index.js';

/** The error for what is no key that can be used. */
export function invalid(label: string, fault: string): EngineshedError {
  return new EngineshedError('KEY_INVALID', `${label} ${fault}`, {
    hint: 'Make a pair of keys: engineshed trust generate-key-pair',
  });
}

/** The error for a passphrase that does not open a key. */
export function locked(label: string): EngineshedError {
  return new EngineshedError('KEY_LOCKED', `The passphrase does not open ${label}`, {
    hint: 'Set ENGINESHED_SIGNING_PASSWORD to the passphrase of that key, or type it on the terminal.',
  });
}
