import type { KeyObject } from 'node:crypto';
import type { Descriptor } from '../oci/index.js';

/** What an image's own signature is called, as cosign does: a statement of this type with an empty predicate. */
export const imageSignatureType = 'https://sigstore.dev/cosign/sign/v1';

/** A public key that may have signed (ECDSA on P-256). */
export interface TrustedKey {
  /** The sha256 of its SubjectPublicKeyInfo in DER, in hexadecimal; equal keys have equal ids. */
  readonly id: string;
  readonly key: KeyObject;
  /** What people call it: the file that it is from. */
  readonly label: string;
}

/** A private key to sign with (ECDSA on P-256). */
export interface SigningKey {
  readonly key: KeyObject;
  /** Its other half. */
  readonly public: TrustedKey;
}

/** What a bundle says, after its signatures were checked against the keys that were given. */
export interface SignedStatement {
  readonly predicateType: string;
  readonly predicate: unknown;
  /** The ids of the keys that signed it, each once; at least one. */
  readonly signers: readonly string[];
  /** The manifest that carries it. */
  readonly carrier: Descriptor;
  /** When it was made, as its carrier says, RFC 3339. Nobody has signed that: for people only. */
  readonly created: string | undefined;
}

/** A bundle that was found and does not count, and why; for messages. */
export interface RefusedBundle {
  readonly carrier: Descriptor;
  /**
   * `malformed`: no bundle as it must be, or not there; `unsupported`: by a certificate, or over mere bytes; `signature`: by none of
   * the keys; `subject`: about another image; `type`: it says something else than it is said to; `unread`: there are too many.
   */
  readonly reason: 'malformed' | 'unsupported' | 'signature' | 'subject' | 'type' | 'unread';
  /** Follows "The signature DIGEST", or is a sentence of its own; without a full stop. */
  readonly message: string;
}

/** What is attached to an image and was not opened, because there is too much of it. */
export interface UnreadBundles {
  /** How many signatures of the image. */
  readonly signatures: number;
  /** How many steps of channels. */
  readonly steps: number;
  /** When the newest of those steps was made, as its carrier says, in milliseconds since the epoch; undefined where none says. */
  readonly latestStep: number | undefined;
}

/** What is attached to an image and signed. */
export interface SignedReading {
  /** One for each carrier that counts. Two bundles that say the same are two; see their `signers`. */
  readonly statements: readonly SignedStatement[];
  readonly refused: readonly RefusedBundle[];
  readonly unread: UnreadBundles;
}

/** What to sign about an image. */
export interface SigningInputs {
  readonly subject: Descriptor;
  /** What the image is called in the statement, for people; undefined where it has a name on this machine only. */
  readonly name?: string | undefined;
  readonly predicateType: string;
  readonly predicate: unknown;
  /** RFC 3339. */
  readonly created: string;
  readonly key: SigningKey;
}
