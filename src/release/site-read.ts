import { basename } from 'node:path';
import { readImageManifest, type Target } from '../content/index.js';
import type { LockedSource } from '../engine/index.js';
import { isEngineshedError } from '../errors/index.js';
import { annotationKeys, type Descriptor } from '../oci/index.js';
import { imageSignatureType, type ReadPolicy, readClaimed, type TrustedKey } from '../trust/index.js';
import { releasePlatform } from './compose.js';
import { readReleaseLock } from './lock.js';
import type { TestToRun } from './run-tests.js';
import { sbomType } from './sbom.js';
import type { ReleasedEngine, SiteAttached, SiteKey, SiteTests } from './site-types.js';
import { newestFirst, readPlainRecords, readSignedRecords } from './test-result.js';
import { judgeTests } from './test-verdict.js';

/** The most test results of a release, names of tests in one, and characters of a text that are shown. */
const maxRecords = 20;
const maxTests = 500;
const maxText = 300;

/** What releases are judged by. */
export interface SiteCriteria {
  /** Those that there are now. */
  readonly tests: readonly TestToRun[];
  /** The policies for the releases. */
  readonly policies: readonly ReadPolicy[];
  /** What signatures are checked with; those of the policies among them. */
  readonly keys: readonly TrustedKey[];
}

/** What was read of a release. */
export interface ReadRelease {
  readonly engine: ReleasedEngine;
  readonly created: string | undefined;
  readonly tests: SiteTests;
  readonly attached: SiteAttached;
}

/**
 * Reads what is shown of a release.
 * @returns a sentence that tells why it cannot be shown, where it is no release or its content is gone or malformed
 * @throws EngineshedError what keeps one from being read that may be there: no registry, no login
 */
export async function readSiteRelease(
  target: Target,
  descriptor: Descriptor,
  criteria: SiteCriteria,
): Promise<ReadRelease | { readonly fault: string }> {
  try {
    const { manifest } = await readImageManifest(target, descriptor, releasePlatform);
    const lock = readReleaseLock(manifest, descriptor.digest);
    const { description, parts, environment, commands } = lock;
    const sources = Object.fromEntries(
      Object.entries(lock.sources).map(([name, source]) => [name, withoutRest(source)]),
    );
    const engine = { description: clip(description), sources, parts, environment };
    const [outcome, attached] = await Promise.all([
      readTests(target, descriptor, criteria),
      readAttached(target, descriptor, criteria.keys),
    ]);
    return {
      engine: commands === undefined ? engine : { ...engine, commands },
      created: manifest.annotations?.[annotationKeys.created],
      tests: outcome,
      attached,
    };
  } catch (error) {
    if (
      isEngineshedError(
        error,
        'MANIFEST_INVALID',
        'MANIFEST_TOO_LARGE',
        'JSON_INVALID',
        'MEDIA_TYPE_UNSUPPORTED',
        'PLATFORM_UNMATCHED',
        'CONTENT_NOT_FOUND',
        'DIGEST_MISMATCH',
        'SIZE_MISMATCH',
      )
    )
      return { fault: clip(error.message) };
    throw error;
  }
}

/** What is shown of a component; thousands of locks in full would not fit. */
function withoutRest(source: LockedSource): LockedSource {
  if (source.kind === 'directory') return source;
  const { kind, reference, resolved, manifest, config } = source;
  const { version, revision, created, source: repository } = annotationKeys;
  const annotations = Object.fromEntries(
    [version, revision, created, repository].flatMap((key) => {
      const text = source.annotations[key];
      return text === undefined ? [] : [[key, clip(text)]];
    }),
  );
  return { kind, reference: clip(reference), resolved, manifest, config, layers: [], annotations };
}

/** The verdict is that of a promotion. Where more is attached than anybody reads, nothing is known of that. */
async function readTests(
  target: Target,
  descriptor: Descriptor,
  { tests, policies, keys }: SiteCriteria,
): Promise<SiteTests> {
  const [signed, plain] = await Promise.all([
    unlessTooMuch(() => readSignedRecords(target, descriptor, keys)),
    unlessTooMuch(() => readPlainRecords(target, descriptor)),
  ]);
  const verdict =
    tests.length === 0 || signed === undefined ? undefined : judgeTests({ signed, plain }, tests, policies);
  const isKnown = verdict !== undefined || (signed !== undefined && plain !== undefined);
  const records = isKnown ? newestFirst([...(signed ?? []), ...(plain ?? [])]) : [];
  return {
    verdict,
    records: records.slice(0, maxRecords).map((record) => ({
      ...record,
      signers: siteKeys(record.signers),
      passedTests: record.passedTests.slice(0, maxTests).map(clip),
      failedTests: record.failedTests.slice(0, maxTests).map(clip),
    })),
  };
}

async function unlessTooMuch<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isEngineshedError(error, 'RESPONSE_INVALID')) return undefined;
    throw error;
  }
}

async function readAttached(
  target: Target,
  descriptor: Descriptor,
  keys: readonly TrustedKey[],
): Promise<SiteAttached> {
  const [signatures, hasBill] = await Promise.all([
    readSignatures(target, descriptor, keys),
    hasAttached(target, descriptor, sbomType),
  ]);
  return { ...signatures, hasBill };
}

async function readSignatures(
  target: Target,
  descriptor: Descriptor,
  keys: readonly TrustedKey[],
): Promise<Pick<SiteAttached, 'signers' | 'unchecked'>> {
  try {
    const found = await readClaimed(target, descriptor, keys, [imageSignatureType]);
    const ids = new Set(found.flatMap(({ signers }) => signers));
    const unchecked = found.filter(({ signers }) => signers.length === 0).length;
    return { signers: siteKeys(keys.filter(({ id }) => ids.has(id))), unchecked };
  } catch (error) {
    if (isEngineshedError(error, 'RESPONSE_INVALID')) return { signers: [], unchecked: undefined };
    throw error;
  }
}

/** Keys as pages name them, each once. */
export function siteKeys(keys: readonly TrustedKey[]): SiteKey[] {
  return [...new Map(keys.map(({ id, label }) => [id, { id, name: basename(label) }])).values()];
}

async function hasAttached(target: Target, descriptor: Descriptor, type: string): Promise<boolean> {
  try {
    for await (const _ of target.referrers(descriptor, type)) return true;
  } catch (error) {
    if (!isEngineshedError(error, 'RESPONSE_INVALID')) throw error;
  }
  return false;
}

/** A text that is not longer than can be shown. */
function clip(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText)}…`;
}
