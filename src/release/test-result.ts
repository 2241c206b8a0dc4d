import * as v from 'valibot';
import type { Target } from '../content/index.js';
import { canonicalJson, type Descriptor, digestHex, digestOf } from '../oci/index.js';
import type { TestOutcome, TestToRun } from './run-tests.js';
import { attachStatement, readStatements } from './statement.js';

const testResultType = 'https://in-toto.io/attestation/test-result/v0.1';

/** What tests said of an image. */
export interface TestResult {
  readonly result: 'PASSED' | 'FAILED';
  readonly passedTests: readonly string[];
  readonly failedTests: readonly string[];
}

const predicateSchema = v.looseObject({
  result: v.picklist(['PASSED', 'WARNED', 'FAILED']),
  configuration: v.array(v.looseObject({ digest: v.optional(v.record(v.string(), v.string())) })),
  passedTests: v.optional(v.array(v.string()), []),
  failedTests: v.optional(v.array(v.string()), []),
});

/** What the outcomes of tests come to. */
export function testResult(outcomes: readonly TestOutcome[]): TestResult {
  const names = (wanted: boolean) =>
    outcomes.filter(({ passed }) => passed === wanted).map(({ name }) => name);
  const failedTests = names(false);
  return { result: failedTests.length === 0 ? 'PASSED' : 'FAILED', passedTests: names(true), failedTests };
}

/**
 * Attaches what tests said to the image that they were run on (in-toto attestation framework, "Test Result", v0.1).
 * @param image what it is called
 * @param created RFC 3339
 * @throws EngineshedError as `Target.push` does
 */
export async function attachTestResult(
  target: Target,
  inputs: {
    readonly subject: Descriptor;
    readonly image: string;
    readonly tests: readonly TestToRun[];
    readonly result: TestResult;
    readonly created: string;
  },
): Promise<Descriptor> {
  const { subject, image, tests, created } = inputs;
  const { result, passedTests, failedTests } = inputs.result;
  const configuration = [{ name: 'release.test', digest: { sha256: testsDigest(tests) } }];
  return attachStatement(target, {
    subject,
    name: image,
    created,
    predicateType: testResultType,
    predicate: { result, configuration, passedTests, failedTests },
    annotations: { 'io.github.engineshed.test.result': result },
  });
}

/** Whether an image passed the tests that it has to. */
export type TestVerdict =
  | { readonly kind: 'passed'; readonly when: string }
  | { readonly kind: 'failed'; readonly when: string; readonly failedTests: readonly string[] }
  | { readonly kind: 'untested' }
  /** It was tested, but not with the tests that there are now. */
  | { readonly kind: 'other-tests'; readonly when: string };

/** A test result that somebody attached to an image. */
export interface TestRecord extends Omit<TestResult, 'result'> {
  readonly result: 'PASSED' | 'WARNED' | 'FAILED';
  /** Which tests they were, each a digest of their names and commands. */
  readonly configurations: readonly string[];
  /** RFC 3339, as the one who attached it says. */
  readonly when: string;
}

/**
 * The test results that are attached to an image, the newest first.
 * @throws EngineshedError as `readStatements` does
 */
export async function readTestRecords(target: Target, subject: Descriptor): Promise<TestRecord[]> {
  const statements = await readStatements(target, subject, testResultType);
  return statements.flatMap(({ predicate, created: when }) => {
    const { success, output } = v.safeParse(predicateSchema, predicate);
    if (!success) return [];
    const { result, passedTests, failedTests, configuration } = output;
    const configurations = configuration.flatMap(({ digest }) => digest?.sha256 ?? []);
    return [{ result, passedTests, failedTests, configurations, when }];
  });
}

/**
 * Looks up what the tests said of an image. Of several results with the same tests the latest counts.
 * @throws EngineshedError as `readStatements` does
 */
export async function findTestVerdict(
  target: Target,
  subject: Descriptor,
  tests: readonly TestToRun[],
): Promise<TestVerdict> {
  return testVerdict(await readTestRecords(target, subject), tests);
}

/**
 * What test results come to.
 * @param records the newest first
 * @param tests those that there are now
 */
export function testVerdict(records: readonly TestRecord[], tests: readonly TestToRun[]): TestVerdict {
  const digest = testsDigest(tests);
  const latest = records.find(({ configurations }) => configurations.includes(digest));
  if (latest === undefined) {
    const [other] = records;
    return other === undefined ? { kind: 'untested' } : { kind: 'other-tests', when: other.when };
  }
  const { when, failedTests } = latest;
  const missing = tests.map(({ name }) => name).filter((name) => !latest.passedTests.includes(name));
  return latest.result !== 'FAILED' && missing.length === 0
    ? { kind: 'passed', when }
    : { kind: 'failed', when, failedTests: [...new Set([...failedTests, ...missing])] };
}

/** What decides whether two lists of tests are the same. */
function testsDigest(tests: readonly TestToRun[]): string {
  return digestHex(
    digestOf(Buffer.from(canonicalJson(tests.map(({ name, command }) => ({ name, command }))))),
  );
}
