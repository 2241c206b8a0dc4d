import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { EngineshedError } from '../errors/index.js';
import { invalid } from './key-errors.js';
import { pemBlock } from './pem.js';
import type { TrustedKey } from './types.js';

/** The only curve: what cosign makes, and the tools of every pipeline read. */
const curve = 'prime256v1';

/**
 * Parses a public key in PEM (RFC 7468, "PUBLIC KEY"), as `engineshed trust generate-key-pair`, cosign and openssl write it.
 * @param label what people call it
 * @throws EngineshedError `KEY_INVALID`
 */
export function parsePublicKey(pem: string, label: string): TrustedKey {
  const block = pemBlock(pem);
  if (block?.form.endsWith('PRIVATE KEY'))
    throw new EngineshedError('KEY_INVALID', `${label} is a private key, where a public one is wanted`, {
      hint: 'The public key is the file beside it that ends with .pub; the private one stays where it is.',
    });
  if (block?.form !== 'PUBLIC KEY') throw invalid(label, 'is no file with one public key in PEM');
  let key: KeyObject;
  try {
    key = createPublicKey(block.pem);
  } catch {
    throw invalid(label, 'is no public key that can be read');
  }
  return trustedKey(key, label);
}

/**
 * A public key with its id.
 * @throws EngineshedError `KEY_INVALID` where it is not on P-256
 */
export function trustedKey(given: KeyObject, label: string): TrustedKey {
  if (given.asymmetricKeyType !== 'ec' || given.asymmetricKeyDetails?.namedCurve !== curve)
    throw invalid(label, 'is no ECDSA key on the curve P-256');
  // One key can be written in several ways, and must have one id.
  const key = createPublicKey({ key: given.export({ format: 'jwk' }), format: 'jwk' });
  const der = key.export({ type: 'spki', format: 'der' });
  return { id: createHash('sha256').update(der).digest('hex'), key, label };
}
