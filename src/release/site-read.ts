import { readImageManifest, type Target } from '../content/index.js';
import type { LockedSource } from '../engine/index.js';
import { isEngineshedError } from '../errors/index.js';
import { annotationKeys, type Descriptor } from '../oci/index.js';
import { releasePlatform } from './compose.js';
import { readReleaseLock } from './lock.js';
import type { TestToRun } from './run-tests.js';
import type { ReleasedEngine, SiteAttached, SiteTests } from './site-types.js';
import { readTestRecords, testVerdict } from './test-result.js';

/** Media types of what is attached and only counted. */
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const billType = 'application/spdx+json';

/** The most test results of a release, names of tests in one, and characters of a text that are shown. */
const maxRecords = 20;
const maxTests = 500;
const maxText = 300;

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
  tests: readonly TestToRun[],
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
      readTests(target, descriptor, tests),
      countAttached(target, descriptor),
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

/** Where more is attached than anybody reads, nothing is known. */
async function readTests(
  target: Target,
  descriptor: Descriptor,
  tests: readonly TestToRun[],
): Promise<SiteTests> {
  try {
    const records = await readTestRecords(target, descriptor);
    return {
      verdict: tests.length === 0 ? undefined : testVerdict(records, tests),
      records: records.slice(0, maxRecords).map((record) => ({
        ...record,
        passedTests: record.passedTests.slice(0, maxTests).map(clip),
        failedTests: record.failedTests.slice(0, maxTests).map(clip),
      })),
    };
  } catch (error) {
    if (isEngineshedError(error, 'RESPONSE_INVALID')) return { verdict: undefined, records: [] };
    throw error;
  }
}

async function countAttached(target: Target, descriptor: Descriptor): Promise<SiteAttached> {
  const [signatures, bills] = await Promise.all(
    [bundleType, billType].map((type) => countOf(target, descriptor, type)),
  );
  return { signatures: signatures ?? 0, bills: bills ?? 0 };
}

async function countOf(target: Target, descriptor: Descriptor, type: string): Promise<number> {
  let count = 0;
  try {
    for await (const _ of target.referrers(descriptor, type)) count++;
  } catch (error) {
    if (!isEngineshedError(error, 'RESPONSE_INVALID')) throw error;
  }
  return count;
}

/** A text that is not longer than can be shown. */
function clip(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText)}…`;
}
