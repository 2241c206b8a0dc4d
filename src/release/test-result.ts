import * as v from 'valibot';
import type { Target } from '../content/index.js';
import { canonicalJson, type Descriptor, digestHex, digestOf, parseTime } from '../oci/index.js';
import { attachSigned, readClaimed, type SigningKey, type TrustedKey } from '../trust/index.js';
import type { TestOutcome, TestToRun } from './run-tests.js';
import { attachStatement, readStatements } from './statement.js';

const testResultType = 'https://in-toto.io/attestation/test-result/v0.1';

/** What tests said of an image. */
export interface TestResult {
  readonly result: 'PASSED' | 'FAILED';
  readonly passedTests: readonly string[];
  readonly failedTests: readonly string[];
}

const instant = v.pipe(
  v.string(),
  v.check((text) => parseTime(text) !== undefined, 'is no time'),
);
const predicateSchema = v.looseObject({
  result: v.picklist(['PASSED', 'WARNED', 'FAILED']),
  configuration: v.array(v.looseObject({ digest: v.optional(v.record(v.string(), v.string())) })),
  passedTests: v.optional(v.array(v.string()), []),
  failedTests: v.optional(v.array(v.string()), []),
  testedAt: v.optional(instant),
});

/** What the outcomes of tests come to. */
export function testResult(outcomes: readonly TestOutcome[]): TestResult {
  const names = (wanted: boolean) =>
    outcomes.filter(({ passed }) => passed === wanted).map(({ name }) => name);
  const failedTests = names(false);
  return { result: failedTests.length === 0 ? 'PASSED' : 'FAILED', passedTests: names(true), failedTests };
}

/**
 * Attaches what tests said to the image that they were run on (in-toto attestation framework, "Test Result", v0.1, with `testedAt` beside):
 * one statement, plain or signed. Signed it is a bundle as `cosign attest` makes one.
 * @param name what the image is called, for people
 * @param created when the tests ended, RFC 3339
 * @param key undefined for a plain statement
 * @throws EngineshedError as `Target.push` does
 */
export async function attachTestResult(
  target: Target,
  inputs: {
    readonly subject: Descriptor;
    readonly name: string;
    readonly tests: readonly TestToRun[];
    readonly result: TestResult;
    readonly created: string;
    readonly key: SigningKey | undefined;
  },
): Promise<Descriptor> {
  const { subject, name, tests, created, key } = inputs;
  const { result, passedTests, failedTests } = inputs.result;
  const configuration = [{ name: 'release.test', digest: { sha256: testsDigest(tests) } }];
  const about = {
    subject,
    name,
    created,
    predicateType: testResultType,
    // Nobody signs what the carrier says of the time.
    predicate: { result, configuration, passedTests, failedTests, testedAt: created },
  };
  return key === undefined
    ? attachStatement(target, { ...about, annotations: { 'io.github.engineshed.test.result': result } })
    : attachSigned(target, { ...about, key });
}

/** A test result that somebody attached to an image. */
export interface TestRecord extends Omit<TestResult, 'result'> {
  readonly result: 'PASSED' | 'WARNED' | 'FAILED';
  /** Which tests they were, each a digest of their names and commands. */
  readonly configurations: readonly string[];
  /** RFC 3339, as the one says who attached it; of a signed one as the one says who signed it. */
  readonly when: string;
  /** `none` where it is a plain statement; else whether one of the keys that were given signed it. */
  readonly signature: 'none' | 'unknown' | 'known';
  /** The keys of those that were given that signed it. */
  readonly signers: readonly TrustedKey[];
}

/**
 * The test results that are attached to an image and that nobody signed.
 * @throws EngineshedError as `readStatements` does
 */
export async function readPlainRecords(target: Target, subject: Descriptor): Promise<TestRecord[]> {
  const plain = await readStatements(target, subject, testResultType);
  return plain.flatMap(({ predicate, created }) =>
    parseResult(predicate, created).map((result) => ({ ...result, signature: 'none' as const, signers: [] })),
  );
}

/**
 * The test results that are attached to an image and signed, whoever did. Such that do not say themselves when the tests were run say
 * nothing, for an old one could be attached anew.
 * @param keys what `signers` are of
 * @throws EngineshedError as `readClaimed` does
 */
export async function readSignedRecords(
  target: Target,
  subject: Descriptor,
  keys: readonly TrustedKey[],
): Promise<TestRecord[]> {
  const claimed = await readClaimed(target, subject, keys, [testResultType]);
  return claimed.flatMap(({ predicate, signers: ids }) => {
    const signers = keys.filter(({ id }) => ids.includes(id));
    const signature = signers.length === 0 ? 'unknown' : 'known';
    return parseResult(predicate, undefined).map((result) => ({ ...result, signature, signers }));
  });
}

/** Test results, the newest first. Of two at the same time the one that failed comes first; what says no time is before all others. */
export function newestFirst(records: readonly TestRecord[]): TestRecord[] {
  const timeOf = ({ when }: TestRecord) => parseTime(when) ?? 0;
  return [...records].sort(
    (a, b) => timeOf(b) - timeOf(a) || Number(b.result === 'FAILED') - Number(a.result === 'FAILED'),
  );
}

/** @param created when it was attached, as nobody has signed it; undefined where that does not count */
function parseResult(
  predicate: unknown,
  created: string | undefined,
): Omit<TestRecord, 'signature' | 'signers'>[] {
  const { success, output } = v.safeParse(predicateSchema, predicate);
  if (!success) return [];
  const { result, passedTests, failedTests, configuration, testedAt } = output;
  const when = testedAt ?? created;
  if (when === undefined) return [];
  const configurations = configuration.flatMap(({ digest }) => digest?.sha256 ?? []);
  return [{ result, passedTests, failedTests, configurations, when }];
}

/** What decides whether two lists of tests are the same. */
export function testsDigest(tests: readonly TestToRun[]): string {
  return digestHex(digestOf(canonicalJson(tests.map(({ name, command }) => ({ name, command })))));
}
