import type { Host } from '../host.js';
import { printBytes, printJson } from '../output.js';
import { openSigningKey, type SigningFlags } from '../signing-key.js';

/** The flags of `engineshed trust public-key`. */
interface PublicKeyFlags extends SigningFlags {
  readonly json?: boolean;
}

/** Prints the public key of a private key. */
export async function publicKey(this: Host, flags: PublicKeyFlags): Promise<void> {
  const { id, key } = (await openSigningKey(this, flags)).public;
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  if (flags.json) printJson(this, { id, pem });
  else await printBytes(this, Buffer.from(pem));
}
