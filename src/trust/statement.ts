import * as v from 'valibot';
import { canonicalJson, check, type Digest, digestAlgorithm, digestHex, parseJson } from '../oci/index.js';

/** The media type of an in-toto statement, and the artifact type of what carries one that nobody signed. */
export const statementType = 'application/vnd.in-toto+json';

const statementVersion = 'https://in-toto.io/Statement/v1';

/** The most images that one statement may be about. */
const maxSubjects = 100;

/** What is said about an image (in-toto attestation framework, "Statement", v1). */
export interface StatementContent {
  readonly predicateType: string;
  readonly predicate: unknown;
}

const statementSchema = v.looseObject({
  _type: v.literal(statementVersion),
  subject: v.pipe(
    v.array(v.looseObject({ digest: v.record(v.string(), v.string()) })),
    v.minLength(1),
    v.maxLength(maxSubjects),
  ),
  predicateType: v.string(),
  predicate: v.unknown(),
});

/**
 * Writes a statement about one image. The same content has the same bytes.
 * @param name what the image is called, for people; undefined for none
 */
export function formatStatement(
  subject: Digest,
  name: string | undefined,
  { predicateType, predicate }: StatementContent,
): Buffer {
  const text = canonicalJson({
    _type: statementVersion,
    subject: [
      { ...(name === undefined ? {} : { name }), digest: { [digestAlgorithm(subject)]: digestHex(subject) } },
    ],
    predicateType,
    predicate,
  });
  return Buffer.from(text);
}

/**
 * Parses a statement; undefined where it is not about the image.
 * @param where names it in errors
 * @throws EngineshedError `JSON_INVALID`, `MANIFEST_INVALID`
 */
export function parseStatement(
  bytes: Uint8Array,
  subject: Digest,
  where: string,
): StatementContent | undefined {
  const {
    subject: subjects,
    predicateType,
    predicate,
  } = check(statementSchema, parseJson(bytes, where), where);
  const algorithm = digestAlgorithm(subject);
  const isAbout = subjects.some(({ digest }) => digest[algorithm] === digestHex(subject));
  return isAbout ? { predicateType, predicate } : undefined;
}
