import { createHash } from 'node:crypto';

const hexLength = { sha256: 64, sha512: 128 } as const;

/** The algorithms that are served: those that the image specification registers. */
export type Algorithm = keyof typeof hexLength;

/** The sha256 digest of bytes, as in descriptors. */
export function sha256(bytes: Uint8Array): string {
  return digestOf(bytes, 'sha256');
}

/** The digest of bytes by an algorithm. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** The algorithm of a digest; undefined where the text is none, or of another algorithm. */
export function algorithmOf(digest: string): Algorithm | undefined {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(digest) ?? [];
  const isKnown = algorithm === 'sha256' || algorithm === 'sha512';
  return isKnown && hex.length === hexLength[algorithm] ? algorithm : undefined;
}
