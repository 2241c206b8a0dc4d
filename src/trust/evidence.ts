import { isEngineshedError } from '../errors/index.js';
import { canonicalJson, type Descriptor, type Digest } from '../oci/index.js';
import type { Candidate } from './admission.js';
import { type ChannelStep, channelType, formatChannelStep, parseChannelStep } from './channel-step.js';
import type { KnownStatement, TrustMemory } from './memory.js';
import type { ReadPolicy } from './policy-keys.js';
import { readSigned } from './read.js';
import {
  imageSignatureType,
  type RefusedBundle,
  type SignedStatement,
  type TrustedKey,
  type UnreadBundles,
} from './types.js';

/** A statement, and which of the {@link subjectsOf} an image it is about. */
export interface SubjectStatement extends KnownStatement {
  readonly subject: Digest;
}

/** What is known about an image, all of it signed by at least one of the keys. */
export interface Evidence {
  readonly statements: readonly SubjectStatement[];
  /** What is attached and does not count, where the place was asked. */
  readonly refused: readonly RefusedBundle[];
  /** Steps of channels that were too many to open. */
  readonly unread: readonly UnreadSteps[];
}

/** Steps of channels that are attached to an image and were not opened. */
export interface UnreadSteps extends Pick<UnreadBundles, 'latestStep'> {
  readonly subject: Digest;
  /** How many; at least one. */
  readonly count: number;
}

/** A step of a channel, and who signed it. */
export interface SignedStep {
  readonly step: ChannelStep;
  /** The ids of keys. */
  readonly signers: ReadonlySet<string>;
}

/** The digests that a signature may be about: what the reference stood for, and the image that was chosen from that. */
export function subjectsOf({ resolved, manifest }: Candidate): Digest[] {
  return [...new Set([resolved, manifest.digest])];
}

/** What is remembered of an image. */
export function recallEvidence(candidate: Candidate, memory: TrustMemory): Evidence {
  const recall = (subject: Digest) =>
    memory.statements(subject).map((statement) => ({ ...statement, subject }));
  return { statements: subjectsOf(candidate).flatMap(recall), refused: [], unread: [] };
}

/** What is to be read of an image. */
export interface EvidenceWanted {
  /** One of the {@link subjectsOf} it. */
  readonly digest: Digest;
  readonly keys: readonly TrustedKey[];
  readonly predicateTypes: readonly string[];
  /** What is known: what carries it is not opened again. */
  readonly known: Evidence;
}

/**
 * Reads what is attached to an image; undefined where the network must not be asked.
 * @throws EngineshedError as `readSigned` does
 */
export async function readEvidence(
  { target, manifest }: Candidate,
  { digest, keys, predicateTypes, known }: EvidenceWanted,
): Promise<Evidence | undefined> {
  const place = target();
  try {
    // What was resolved is remembered with its bytes: nobody is asked.
    const subject: Descriptor = digest === manifest.digest ? manifest : await place.resolve(digest);
    const carriers = new Set(known.statements.flatMap((statement) => statement.carriers));
    const { statements, refused, unread } = await readSigned(place, subject, keys, predicateTypes, carriers);
    const own = statements.flatMap(normalized).map((statement) => ({ ...statement, subject: digest }));
    const { steps: count, latestStep } = unread;
    return { statements: own, refused, unread: count === 0 ? [] : [{ subject: digest, count, latestStep }] };
  } catch (error) {
    if (isEngineshedError(error, 'OFFLINE')) return undefined;
    throw error;
  }
}

/** Both together, what is said twice once. */
export function joinEvidence(one: Evidence, other: Evidence): Evidence {
  return {
    statements: joinStatements([...one.statements, ...other.statements]),
    refused: [...one.refused, ...other.refused],
    unread: [...one.unread, ...other.unread],
  };
}

/** Statements that say the same are one, signed by all that signed one of them, and carried by all that carry one. */
export function joinStatements(statements: readonly SubjectStatement[]): SubjectStatement[] {
  const joined = new Map<string, SubjectStatement>();
  for (const { signers, carriers, ...said } of statements) {
    const key = canonicalJson(said);
    const same = joined.get(key);
    const both = (one: readonly string[], other: readonly string[] = []) =>
      [...new Set([...one, ...other])].sort();
    joined.set(key, {
      ...said,
      signers: both(signers, same?.signers),
      carriers: both(carriers, same?.carriers),
    });
  }
  return [...joined.values()];
}

/** The keys that signed the image itself. */
export function imageSigners({ statements }: Evidence): Set<string> {
  const own = statements.filter(({ predicateType }) => predicateType === imageSignatureType);
  return new Set(own.flatMap(({ signers }) => signers));
}

/** The steps of channels that somebody signed: those that are about the release that carries them. */
export function signedSteps({ statements }: Evidence): SignedStep[] {
  return statements.flatMap(({ predicateType, predicate, signers, subject }) => {
    const step = predicateType === channelType ? parseChannelStep(predicate) : undefined;
    return step?.digest === subject ? [{ step, signers: new Set(signers) }] : [];
  });
}

/** The keys of all policies, each once. */
export function keysOf(policies: readonly ReadPolicy[]): TrustedKey[] {
  return [...new Map(policies.flatMap(({ keys }) => keys.map((key) => [key.id, key]))).values()];
}

/** Only what is made use of is remembered, and nothing that somebody else put beside it. */
function normalized({ predicateType, predicate, signers, carrier }: SignedStatement): KnownStatement[] {
  const by = { predicateType, signers: [...signers].sort(), carriers: [carrier.digest] };
  if (predicateType === imageSignatureType) return [{ ...by, predicate: {} }];
  const step = parseChannelStep(predicate);
  return step === undefined ? [] : [{ ...by, predicate: formatChannelStep(step) }];
}
