import { shortDigest, type Target } from '../content/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { attachSigned } from './attach.js';
import { readSigned } from './read.js';
import {
  imageSignatureType,
  type RefusedBundle,
  type SignedReading,
  type SignedStatement,
  type SigningInputs,
  type TrustedKey,
} from './types.js';

/** An image's signature, as it was found or made. */
export interface ImageSignature {
  /** The manifest that carries it. */
  readonly carrier: Descriptor;
  /** Whether it was there before. */
  readonly present: boolean;
}

/** Who has to have signed. */
export interface WantedSigners {
  readonly keys: readonly TrustedKey[];
  /** How many different keys of those. */
  readonly threshold: number;
  /** Who wants that, for errors: `the policy "hamlet"`; undefined for the user. */
  readonly by?: string | undefined;
}

/**
 * Signs an image by its digest, as `cosign sign` does; where the key has signed it already, nothing is done.
 * @param inputs see `SigningInputs`
 * @throws EngineshedError as `readSigned` and `attachSigned` do
 */
export async function signImage(
  target: Target,
  inputs: Omit<SigningInputs, 'predicateType' | 'predicate'>,
): Promise<ImageSignature> {
  const { subject, key } = inputs;
  // A mirror may not have yet what was signed a moment ago.
  const { statements } = await readSigned(
    target.written ?? target,
    subject,
    [key.public],
    [imageSignatureType],
  );
  const [found] = statements;
  if (found !== undefined) return { carrier: found.carrier, present: true };
  const statement = { predicateType: imageSignatureType, predicate: {} };
  return { carrier: await attachSigned(target, { ...inputs, ...statement }), present: false };
}

/** Who signed an image, of those that were asked for. */
export interface VerifiedSigners {
  /** Each once. */
  readonly signers: readonly TrustedKey[];
  /** How many signatures were not opened, because there are too many: others may have signed, too. */
  readonly unread: number;
}

/**
 * Makes sure that enough different keys signed an image. Two signatures by one key are one, and so are two files with one key.
 * @param subjects the image, and the indexes that it was chosen from: who signs an index signs what it names
 * @param what the image, for errors
 * @returns the keys that did
 * @throws EngineshedError `SIGNATURE_MISSING`, `SIGNATURE_INVALID` where there are signatures and none counts, and as `readSigned`
 * does
 */
export async function verifyImage(
  target: Target,
  subjects: readonly Descriptor[],
  what: string,
  wanted: WantedSigners,
): Promise<VerifiedSigners> {
  const readings = await Promise.all(
    subjects.map((subject) => readSigned(target, subject, wanted.keys, [imageSignatureType])),
  );
  const statements = readings.flatMap((reading) => reading.statements);
  const refused = readings.flatMap((reading) => reading.refused);
  const unread = readings.reduce((sum, reading) => sum + reading.unread.signatures, 0);
  return { signers: enoughSigners({ statements, refused }, what, wanted), unread };
}

/** Who signed, and what does not count. */
export interface SignersReading extends Pick<SignedReading, 'refused'> {
  readonly statements: readonly Pick<SignedStatement, 'signers'>[];
}

/**
 * Makes sure that what was read is signed by enough different keys.
 * @param what what has to be signed, for errors
 * @returns the keys that did, each once
 * @throws EngineshedError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`
 */
export function enoughSigners(
  { statements, refused }: SignersReading,
  what: string,
  { keys, threshold, by }: WantedSigners,
): readonly TrustedKey[] {
  const signers = new Set(statements.flatMap((statement) => statement.signers));
  const found = [...new Map(keys.map((key) => [key.id, key])).values()].filter(({ id }) => signers.has(id));
  // A threshold below one would let everything pass.
  if (found.length > 0 && found.length >= threshold) return found;
  const asked = by === undefined ? '' : `, as ${by} demands`;
  const names = [...new Set(keys.map(({ label }) => label))].join(', ');
  if (found.length > 0)
    throw new EngineshedError(
      'SIGNATURE_MISSING',
      `${what} is signed by ${found.length} of the keys ${names}; ${threshold} are needed${asked}`,
      {
        hint: `It is signed by ${found.map(({ label }) => label).join(', ')}. Another of the keys has to sign too.`,
      },
    );
  if (refused.length === 0)
    throw new EngineshedError(
      'SIGNATURE_MISSING',
      `${what} is not signed by ${names}${asked}: it has no signature`,
      {
        hint:
          'Its publisher signs it: engineshed trust sign REF --key FILE. Where it is a copy or an export, make that again with its ' +
          'signatures: --referrers.',
      },
    );
  throw new EngineshedError(
    'SIGNATURE_INVALID',
    `${what} is not signed by ${names}${asked}. ${refused.slice(0, maxReasons).map(reason).join('. ')}`,
    { hint: 'Compare the keys with what its publisher says, over another way than this registry.' },
  );
}

/** The most signatures of which an error tells why they do not count. */
const maxReasons = 3;

function reason({ carrier, reason, message }: RefusedBundle): string {
  return reason === 'malformed' || reason === 'unsupported'
    ? message
    : `The signature ${shortDigest(carrier.digest)} ${message}`;
}
