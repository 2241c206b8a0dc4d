import { mapLimited, readAll, readManifest, type Target } from '../content/index.js';
import { EngineshedError, type ErrorCode, inOperation, isEngineshedError } from '../errors/index.js';
import { annotationKeys, type Descriptor, type Manifest, mediaTypes, parseTime } from '../oci/index.js';
import { predicateTypeKey } from './attach.js';
import { bundleType, parseBundle } from './bundle.js';
import { channelType } from './channel-step.js';
import { type Envelope, signersOf } from './dsse.js';
import { parseStatement, statementType } from './statement.js';
import {
  imageSignatureType,
  type RefusedBundle,
  type SignedReading,
  type SignedStatement,
  type TrustedKey,
  type UnreadBundles,
} from './types.js';

/** The most signatures of one image that are read, the most steps of channels, and the most of all else; anybody who may push may attach any number. */
export const maxBundles = 200;
/** The most steps of channels where all are read: those of a channel that is signed anew each day, for five years. */
const maxAllSteps = 2000;
/** The most bytes that the manifest of one may have: 64 KiB. */
const maxCarrierBytes = 64 * 1024;
/** The most bytes that one may have: 1 MiB. */
const maxBundleBytes = 1024 * 1024;
/** How many are read at the same time. */
const concurrentReads = 4;

/** What makes a single bundle worthless. Every other failure may hide a good one, and ends the reading. */
const worthless: readonly ErrorCode[] = [
  'JSON_INVALID',
  'MANIFEST_INVALID',
  'MANIFEST_TOO_LARGE',
  'SIGNATURE_UNSUPPORTED',
  'CONTENT_NOT_FOUND',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
];

/**
 * Reads the statements of some types that are attached to an image and signed by at least one of the keys. What a place lists is
 * opened, whatever it says of it, and only a signed statement that names the image counts; annotations, hints at keys, logs and
 * times are not believed. What cannot count is told among `refused`. Where the place hides something, it is missing here. Of signatures
 * of the image, and of steps of channels, only the 200 are read that are said to be the newest: who signs each night makes one more each
 * time. `unread` tells of the rest: who asks for the latest step has to look whether it may be among them.
 * @param known digests of manifests that are not to be opened again
 * @throws EngineshedError `RESPONSE_INVALID` where more than 200 other bundles, or 10,000 referrers, are attached; and what keeps one
 * from being read that is there
 */
export async function readSigned(
  target: Target,
  subject: Descriptor,
  keys: readonly TrustedKey[],
  predicateTypes: readonly string[],
  known: ReadonlySet<string> = new Set(),
): Promise<SignedReading> {
  const about: Reading = { target, subject, keys, predicateTypes, known, which: 'newest' };
  try {
    const { opened, signatures, steps } = await findCarriers(about);
    const found = await mapLimited(opened, concurrentReads, (carrier) =>
      readCarrier(about, carrier, 'the keys'),
    );
    const statements = found.flatMap((one) => (one !== undefined && 'signers' in one ? [one] : []));
    const refused = found.flatMap((one) => (one !== undefined && 'reason' in one ? [one] : []));
    const unread: UnreadBundles = {
      signatures: signatures.length,
      steps: steps.length,
      latestStep: latestOf(steps),
    };
    return { statements, refused: [...notRead(signatures), ...refused], unread };
  } catch (error) {
    throw inOperation(`Reading the signatures of ${subject.digest}`, error);
  }
}

/**
 * Reads the same whoever signed it: `signers` has the keys of those that are given, and may be empty. For publishers and people only:
 * nothing may be allowed because of it. All steps of channels are read, so that none is counted twice.
 * @throws EngineshedError as {@link readSigned} does, and `RESPONSE_INVALID` where more than 2,000 steps are attached
 */
export async function readClaimed(
  target: Target,
  subject: Descriptor,
  keys: readonly TrustedKey[],
  predicateTypes: readonly string[],
): Promise<SignedStatement[]> {
  const about: Reading = { target, subject, keys, predicateTypes, known: new Set(), which: 'all' };
  try {
    const { opened } = await findCarriers(about);
    const found = await mapLimited(opened, concurrentReads, (carrier) =>
      readCarrier(about, carrier, 'anybody'),
    );
    return found.flatMap((one) => (one !== undefined && 'signers' in one ? [one] : []));
  } catch (error) {
    throw inOperation(`Reading what is attached to ${subject.digest}`, error);
  }
}

interface Reading {
  readonly target: Target;
  readonly subject: Descriptor;
  readonly keys: readonly TrustedKey[];
  readonly predicateTypes: readonly string[];
  readonly known: ReadonlySet<string>;
  /** Which signatures of images and steps of channels are read. */
  readonly which: 'newest' | 'all';
}

/** Registries mislabel what they list, so all of it is looked at; only where that is too much, the registry chooses. */
async function findCarriers(about: Reading): Promise<Carriers> {
  const { target, subject } = about;
  try {
    return await carriersIn(about, target.referrers(subject));
  } catch (error) {
    if (!isEngineshedError(error, 'RESPONSE_INVALID')) throw error;
    return carriersIn(about, target.referrers(subject, bundleType));
  }
}

/** What is to be opened. */
interface Carriers {
  readonly opened: readonly Descriptor[];
  /** Signatures of the image that are too many, the newest of them first. */
  readonly signatures: readonly Descriptor[];
  /** Steps of channels that are. */
  readonly steps: readonly Descriptor[];
}

/**
 * Of what is said to be of one type the newest are opened where that loses nothing that counts: an image cannot have too many signatures,
 * and of steps the latest counts. Of all else a lack could be made by who attaches more: a test that failed must not get out of sight.
 */
async function carriersIn(about: Reading, listed: AsyncIterable<Descriptor>): Promise<Carriers> {
  const steps: Descriptor[] = [];
  const signatures: Descriptor[] = [];
  const others: Descriptor[] = [];
  for await (const referrer of listed) {
    if (about.known.has(referrer.digest) || !mayCarry(about, referrer)) continue;
    const said = referrer.annotations?.[predicateTypeKey];
    const its = said === channelType ? steps : said === imageSignatureType ? signatures : others;
    its.push(referrer);
    if (others.length > maxBundles) throw tooMany(about, maxBundles);
    if (about.which === 'all' && signatures.length > maxBundles) throw tooMany(about, maxBundles);
    if (about.which === 'all' && steps.length > maxAllSteps) throw tooMany(about, maxAllSteps);
  }
  if (about.which === 'all')
    return { opened: [...others, ...signatures, ...steps], signatures: [], steps: [] };
  for (const its of [steps, signatures]) its.sort(newestFirst);
  const opened = [...others, ...signatures.slice(0, maxBundles), ...steps.slice(0, maxBundles)];
  return { opened, signatures: signatures.slice(maxBundles), steps: steps.slice(maxBundles) };
}

/** Told first, for it may be why a good one is missing. */
function notRead([carrier, ...more]: readonly Descriptor[]): RefusedBundle[] {
  if (carrier === undefined) return [];
  const message = `and ${more.length} older ones are not read, for there are more than ${maxBundles}: who may write to the registry removes those that nobody needs, or its publisher signs again`;
  return [{ carrier, reason: 'unread', message }];
}

/** By what their carriers say, which is anybody's word; what says no time is the oldest. */
function newestFirst(a: Descriptor, b: Descriptor): number {
  const [one, other] = [a, b].map((carrier) => createdOf(carrier) ?? 0) as [number, number];
  return other - one;
}

function latestOf(carriers: readonly Descriptor[]): number | undefined {
  const times = carriers.flatMap((carrier) => createdOf(carrier) ?? []);
  return times.length === 0 ? undefined : times.reduce((one, other) => Math.max(one, other));
}

function createdOf({ annotations }: Descriptor): number | undefined {
  return parseTime(annotations?.[annotationKeys.created] ?? '');
}

function tooMany({ subject, target }: Reading, most: number): EngineshedError {
  return new EngineshedError(
    'RESPONSE_INVALID',
    `More than ${most} signatures are attached to ${subject.digest} in ${target.label}`,
    { hint: 'Remove those that nobody needs from the registry.', details: { expected: most } },
  );
}

/** Without an artifact type, or with that of the config instead, it may be anything. */
function mayCarry(
  { predicateTypes }: Reading,
  { mediaType, artifactType, annotations }: Descriptor,
): boolean {
  const said = annotations?.[predicateTypeKey];
  if (mediaType !== mediaTypes.imageManifest) return false;
  if (said !== undefined) return predicateTypes.includes(said);
  return !artifactType || artifactType === bundleType || artifactType === mediaTypes.empty;
}

/** Undefined for what is no bundle, and for one that says something of another type. */
async function readCarrier(
  about: Reading,
  carrier: Descriptor,
  by: 'the keys' | 'anybody',
): Promise<SignedStatement | RefusedBundle | undefined> {
  try {
    const opened = await openCarrier(about, carrier);
    if (opened === undefined) return undefined;
    const { envelope, annotations } = opened;
    const signers = signersOf(envelope, about.keys);
    if (signers.length === 0 && by === 'the keys')
      return { carrier, reason: 'signature', message: 'is by none of the keys' };
    const where = `statement in ${carrier.digest}`;
    if (envelope.payloadType !== statementType)
      return { carrier, reason: 'type', message: 'signs something that is no statement' };
    const statement = parseStatement(envelope.payload, about.subject.digest, where);
    if (statement === undefined) return { carrier, reason: 'subject', message: 'is about another image' };
    if (!about.predicateTypes.includes(statement.predicateType)) {
      if (annotations[predicateTypeKey] === undefined) return undefined;
      return { carrier, reason: 'type', message: 'says something else than it is said to' };
    }
    return { ...statement, signers, carrier, created: annotations[annotationKeys.created] };
  } catch (error) {
    if (!isEngineshedError(error, ...worthless)) throw error;
    const reason = error.code === 'SIGNATURE_UNSUPPORTED' ? 'unsupported' : 'malformed';
    return { carrier, reason, message: error.message };
  }
}

/** The sizes are looked at before anything is fetched. */
async function openCarrier(
  { target, subject, predicateTypes }: Reading,
  carrier: Descriptor,
): Promise<{ envelope: Envelope; annotations: Readonly<Record<string, string>> } | undefined> {
  refuseLarge(carrier, maxCarrierBytes);
  const { parsed } = await readManifest(target, carrier);
  if (parsed.kind === 'index') return undefined;
  const { annotations = {}, ...manifest } = parsed.manifest;
  const said = annotations[predicateTypeKey];
  if (said !== undefined && !predicateTypes.includes(said)) return undefined;
  const layer = bundleLayer(manifest);
  if (layer === undefined) return undefined;
  if (manifest.subject?.digest !== subject.digest) throw malformed(carrier, 'has another subject');
  refuseLarge(layer, maxBundleBytes);
  const bytes = await readAll(await target.fetch(layer), layer, maxBundleBytes);
  return { envelope: parseBundle(bytes, `bundle ${layer.digest}`), annotations };
}

function bundleLayer({ layers }: Pick<Manifest, 'layers'>): Descriptor | undefined {
  const [layer, ...more] = layers;
  return layer?.mediaType === bundleType && more.length === 0 ? layer : undefined;
}

function refuseLarge({ digest, size }: Descriptor, limit: number): void {
  if (size <= limit) return;
  throw new EngineshedError('MANIFEST_TOO_LARGE', `${digest} has ${size} bytes; ${limit} are allowed`, {
    details: { expected: limit, actual: size },
  });
}

function malformed({ digest }: Descriptor, fault: string): EngineshedError {
  return new EngineshedError('MANIFEST_INVALID', `The manifest ${digest} ${fault}`);
}
