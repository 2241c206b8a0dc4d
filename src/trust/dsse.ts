import { sign, verify } from 'node:crypto';
import type { SigningKey, TrustedKey } from './types.js';

/** A DSSE envelope with one signature, decoded (DSSE 1.0, "Protocol"). */
export interface Envelope {
  /** The media type of the payload. */
  readonly payloadType: string;
  readonly payload: Buffer;
  /** Of ECDSA with SHA-256, in DER. */
  readonly signature: Buffer;
}

/**
 * Signs a payload together with its type (DSSE 1.0, "Signature Definition"): ECDSA on P-256 with SHA-256.
 */
export function signEnvelope(payloadType: string, payload: Buffer, { key }: SigningKey): Envelope {
  const signature = sign('sha256', preAuthenticationEncoding(payloadType, payload), key);
  return { payloadType, payload, signature };
}

/**
 * The keys that made the signature of an envelope, of those that are given: one, or none. Nothing in an envelope says whose it is
 * that could be believed, so all are tried.
 */
export function signersOf(
  { payloadType, payload, signature }: Envelope,
  keys: readonly TrustedKey[],
): string[] {
  const signed = preAuthenticationEncoding(payloadType, payload);
  const found = keys.filter(({ key }) => verify('sha256', signed, key, signature));
  return [...new Set(found.map(({ id }) => id))];
}

/** What is signed: type and payload, each with its length before it, so that neither can be taken for a part of the other. */
function preAuthenticationEncoding(payloadType: string, payload: Buffer): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload]);
}
