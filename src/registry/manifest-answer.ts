import { EngineshedError } from '../errors/index.js';
import { type Digest, digestAlgorithm, isDigest, maxManifestBytes } from '../oci/index.js';
import type { HttpResponse } from './response.js';
import { publicUrl } from './url.js';

/** What an answer about a manifest is compared with. */
export interface ExpectedDigest {
  /** What was asked for: a tag or a digest. */
  readonly wanted: string;
  /** The digest of the bytes; undefined where none came. */
  readonly computed: Digest | undefined;
  /** What the manifest is called in errors. */
  readonly what: string;
}

/**
 * The one digest that what was asked for, the registry's header and what was computed agree on; undefined where none of
 * them tells one. Digests of different algorithms are not compared.
 * @throws EngineshedError `DIGEST_MISMATCH`
 */
export function agreedDigest(
  response: HttpResponse,
  { wanted, computed, what }: ExpectedDigest,
): Digest | undefined {
  const stated = response.header('docker-content-digest') ?? '';
  const known = [computed, wanted, stated].filter((text) => text !== undefined && isDigest(text)) as Digest[];
  const [first] = known;
  if (first === undefined) return undefined;
  const other = known.find(
    (digest) => digest !== first && digestAlgorithm(digest) === digestAlgorithm(first),
  );
  if (other === undefined) return first;
  throw new EngineshedError(
    'DIGEST_MISMATCH',
    `${response.url.host} gave ${other} as the digest of ${what}, which is ${first}`,
    {
      hint: 'The registry, or something on the way to it, is not to be trusted.',
      details: { expected: first, actual: other, url: publicUrl(response.url) },
    },
  );
}

/** The error for a manifest that is larger than is read. */
export function tooLarge(what: string, size: number): EngineshedError {
  return new EngineshedError(
    'MANIFEST_TOO_LARGE',
    `The ${what} has ${size} bytes or more; ${maxManifestBytes} are allowed`,
    { details: { expected: maxManifestBytes, actual: size } },
  );
}
