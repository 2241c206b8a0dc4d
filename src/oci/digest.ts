import { EngineshedError } from '../errors/index.js';

/** A content digest, `algorithm:hex`, of a registered algorithm (image specification, "Digests"). */
export type Digest = string & { readonly __digest: true };

/** The algorithms that are understood: both that the image specification registers. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const hexLength: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

/**
 * Parses a digest. Only `sha256` and `sha512` with lower-case hex of the full length are digests.
 * @throws EngineshedError `DIGEST_INVALID`
 */
export function parseDigest(text: string): Digest {
  const reason = digestFault(text);
  if (reason === undefined) return text as Digest;
  throw new EngineshedError('DIGEST_INVALID', `"${text.slice(0, 200)}" is not a digest: ${reason}`, {
    hint: 'A digest reads sha256: followed by 64 lower-case hexadecimal digits.',
  });
}

/** Tells whether `text` is a digest that {@link parseDigest} takes. */
export function isDigest(text: string): text is Digest {
  return digestFault(text) === undefined;
}

function digestFault(text: string): string | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) return 'it has no algorithm';
  const algorithm = text.slice(0, colon);
  const encoded = text.slice(colon + 1);
  if (algorithm !== 'sha256' && algorithm !== 'sha512')
    return `the algorithm "${algorithm}" is not supported`;
  if (/[A-F]/.test(encoded)) return 'its hexadecimal digits must be lower case';
  if (!/^[0-9a-f]*$/.test(encoded)) return 'it has characters that are not hexadecimal digits';
  const length = hexLength[algorithm];
  return encoded.length === length
    ? undefined
    : `${algorithm} has ${length} hexadecimal digits, not ${encoded.length}`;
}

/** The algorithm of a digest. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** The hexadecimal part of a digest, safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Loading it takes longer than all else that a command like `current` does, and those hash nothing. */
let crypto: typeof import('node:crypto') | undefined;

function startHash(algorithm: DigestAlgorithm) {
  crypto ??= process.getBuiltinModule('node:crypto');
  return crypto.createHash(algorithm);
}

/** The digest of `bytes`, sha256 unless told. */
export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${startHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** A running digest. */
export interface Digester {
  /** Takes the next bytes. */
  update(bytes: Uint8Array): void;
  /** Ends it and returns the digest; call once. */
  digest(): Digest;
}

/** Starts a running digest, sha256 unless told. */
export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  const hash = startHash(algorithm);
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  };
}

/**
 * The chain ID of layers applied in order (image specification, "Layer ChainID"): that of one layer is its diffID.
 * @param diffIds lowest layer first, at least one
 */
export function chainId(diffIds: readonly Digest[]): Digest {
  const [first, ...rest] = diffIds;
  if (first === undefined) throw new EngineshedError('INTERNAL', 'The chain ID of no layers was asked for');
  return rest.reduce((chain, diffId) => digestOf(`${chain} ${diffId}`), first);
}
