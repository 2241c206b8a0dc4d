import { readAll, readManifest, streamOf, type Target } from '../content/index.js';
import { EngineshedError, inOperation, isEngineshedError } from '../errors/index.js';
import {
  annotationKeys,
  buildArtifact,
  type Descriptor,
  type Digest,
  describe,
  emptyContent,
} from '../oci/index.js';
import { formatStatement, parseStatement, type StatementContent, statementType } from '../trust/index.js';

/** What a statement says, as an annotation of what carries it and of its layer. */
const predicateTypeKey = 'in-toto.io/predicate-type';

/** The most bytes that a statement may have: 1 MiB. */
const maxStatementBytes = 1024 * 1024;
/** The most statements about one image that are read; a registry may list any number. */
const maxStatements = 200;

/** A statement that was found. */
export interface FoundStatement extends StatementContent {
  /** When it was made, as its carrier says, RFC 3339. */
  readonly created: string;
  /** The manifest that carries it. */
  readonly carrier: Descriptor;
}

/** What to say about an image. */
export interface StatementInputs extends StatementContent {
  readonly subject: Descriptor;
  /** What the image is called, for people. */
  readonly name: string;
  readonly created: string;
  /** More annotations of the carrier. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Attaches a statement to an image. The same statement with the same time gives the same manifest.
 * @throws EngineshedError as `Target.push` does
 */
export async function attachStatement(target: Target, inputs: StatementInputs): Promise<Descriptor> {
  const { subject, name, predicateType, predicate, created, annotations = {} } = inputs;
  const bytes = formatStatement(subject.digest, name, { predicateType, predicate });
  const layer = describe(statementType, bytes, { [predicateTypeKey]: predicateType });
  const carrier = buildArtifact({
    artifactType: statementType,
    layers: [layer],
    subject,
    annotations: {
      [predicateTypeKey]: predicateType,
      [annotationKeys.created]: created,
      ...annotations,
    },
  });
  await target.push(emptyContent.descriptor, async () => streamOf(emptyContent.bytes));
  await target.push(layer, async () => streamOf(bytes));
  await target.push(carrier.descriptor, async () => streamOf(carrier.bytes));
  return carrier.descriptor;
}

/**
 * The statements of a type about an image, the newest first. What a registry lists is read and looked at: what is about another
 * image, of another type or malformed is left out.
 * @param carries what the carrier's annotations must say
 * @throws EngineshedError `RESPONSE_INVALID` where there are more than 200, as `ReferrerSource.referrers` does, and what keeps one
 * from being read that is there
 */
export async function readStatements(
  target: Target,
  subject: Descriptor,
  predicateType: string,
  carries: Readonly<Record<string, string>> = {},
): Promise<FoundStatement[]> {
  const found: FoundStatement[] = [];
  let seen = 0;
  for await (const carrier of target.referrers(subject, statementType)) {
    // Some registries leave the annotations out of their list.
    if (carrier.annotations !== undefined && !says(carrier.annotations, predicateType, carries)) continue;
    if (++seen > maxStatements)
      throw new EngineshedError(
        'RESPONSE_INVALID',
        `More than ${maxStatements} statements are attached to ${subject.digest} in ${target.label}`,
        { hint: 'Remove those that are not needed from the registry.' },
      );
    const statement = await readStatement(target, carrier, subject.digest);
    if (statement?.predicateType !== predicateType || !says(statement.annotations, predicateType, carries))
      continue;
    const { predicate } = statement;
    found.push({ predicateType, predicate, created: statement.created, carrier });
  }
  return found.sort((a, b) => (a.created < b.created ? 1 : -1));
}

function says(
  annotations: Readonly<Record<string, string>>,
  predicateType: string,
  carries: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries({ ...carries, [predicateTypeKey]: predicateType });
  return wanted.every(([key, value]) => annotations[key] === value);
}

interface ReadStatement extends StatementContent {
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A malformed one says nothing; that one cannot be read because of the network must not be taken for that. */
async function readStatement(
  target: Target,
  carrier: Descriptor,
  subject: Digest,
): Promise<ReadStatement | undefined> {
  try {
    const { parsed } = await readManifest(target, carrier);
    if (parsed.kind === 'index' || parsed.manifest.subject?.digest !== subject) return undefined;
    const { layers, annotations = {} } = parsed.manifest;
    const layer = layers.find(({ mediaType }) => mediaType === statementType);
    if (layer === undefined) return undefined;
    const bytes = await readAll(await target.fetch(layer), layer, maxStatementBytes);
    const statement = parseStatement(bytes, subject, `statement ${layer.digest}`);
    if (statement === undefined) return undefined;
    return { ...statement, annotations, created: annotations[annotationKeys.created] ?? '' };
  } catch (error) {
    if (
      isEngineshedError(
        error,
        'JSON_INVALID',
        'MANIFEST_INVALID',
        'MEDIA_TYPE_UNSUPPORTED',
        'MANIFEST_TOO_LARGE',
      )
    )
      return undefined;
    throw inOperation(`Reading what is attached to ${subject}`, error);
  }
}
