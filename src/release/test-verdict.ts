import type { Target } from '../content/index.js';
import type { Descriptor } from '../oci/index.js';
import { keysOf, type ReadPolicy, type TrustedKey } from '../trust/index.js';
import type { TestToRun } from './run-tests.js';
import {
  newestFirst,
  readPlainRecords,
  readSignedRecords,
  type TestRecord,
  testsDigest,
} from './test-result.js';

/** Whether an image passed the tests that it has to. */
export type TestVerdict =
  | { readonly kind: 'passed'; readonly when: string }
  | { readonly kind: 'failed'; readonly when: string; readonly failedTests: readonly string[] }
  | { readonly kind: 'untested' }
  /** It was tested, but not with the tests that there are now. */
  | { readonly kind: 'other-tests'; readonly when: string }
  | UnsignedVerdict;

/** There is a result of the tests that there are now, and no key of a policy signed it: it does not count. */
export interface UnsignedVerdict {
  readonly kind: 'unsigned';
  readonly when: string;
  readonly says: 'passed' | 'failed';
  /** Whether anybody signed it, as for `TestRecord`: `known` where it was a key of another policy. */
  readonly signature: TestRecord['signature'];
  /** The policy that has none of its keys there. */
  readonly policy: Pick<ReadPolicy, 'name' | 'file'>;
}

/**
 * Looks up what the tests said of an image, see {@link judgeTests}. Plain results are read only where they are needed, however many there are.
 * @param policies those for the image
 * @throws EngineshedError as `readSignedRecords` and `readPlainRecords` do
 */
export async function findTestVerdict(
  target: Target,
  subject: Descriptor,
  tests: readonly TestToRun[],
  policies: readonly ReadPolicy[],
): Promise<TestVerdict> {
  const signed = await readSignedRecords(target, subject, keysOf(policies));
  const decided = judgeTests({ signed, plain: undefined }, tests, policies);
  return decided ?? verdictOf([...signed, ...(await readPlainRecords(target, subject))], tests, policies);
}

/** What is attached to an image of the results of its tests. */
export interface FoundRecords {
  /** Whoever signed them. */
  readonly signed: readonly TestRecord[];
  /** Undefined where they were not read. */
  readonly plain: readonly TestRecord[] | undefined;
}

/**
 * What results come to. Of several with the same tests the latest counts; where there are policies, of those that a key of the policy signed,
 * and for each policy: one key is enough, whatever its threshold. Who has no such key can so neither let an image pass nor fail.
 * @param tests those that there are now
 * @param policies those for the image
 * @returns undefined where the plain ones would have to be known, too
 */
export function judgeTests(
  { signed, plain }: FoundRecords,
  tests: readonly TestToRun[],
  policies: readonly ReadPolicy[],
): TestVerdict | undefined {
  if (policies.length > 0) {
    const verdict = verdictOf(signed, tests, policies);
    if (verdict.kind === 'passed' || verdict.kind === 'failed') return verdict;
  }
  return plain === undefined ? undefined : verdictOf([...signed, ...plain], tests, policies);
}

function verdictOf(
  all: readonly TestRecord[],
  tests: readonly TestToRun[],
  policies: readonly ReadPolicy[],
): TestVerdict {
  const records = newestFirst(all);
  const judged = policies.map((policy) => ({
    policy,
    verdict: latestVerdict(
      records.filter((record) => isSignedBy(record, policy.keys)),
      tests,
    ),
  }));
  const lacking =
    judged.find(({ verdict }) => verdict.kind === 'failed') ??
    judged.find(({ verdict }) => verdict.kind !== 'passed') ??
    judged[0];
  if (lacking?.verdict.kind === 'passed' || lacking?.verdict.kind === 'failed') return lacking.verdict;
  const claimed = latestVerdict(records, tests);
  if (lacking === undefined || (claimed.kind !== 'passed' && claimed.kind !== 'failed')) return claimed;
  const { kind: says, when } = claimed;
  const signature = signatureOf(latestOf(records, tests), keysOf(policies));
  return { kind: 'unsigned', when, says, signature, policy: lacking.policy };
}

function isSignedBy({ signers }: TestRecord, keys: readonly TrustedKey[]): boolean {
  return signers.some(({ id }) => keys.some((key) => key.id === id));
}

/** To the policies: other keys may have been given to look with. */
function signatureOf(record: TestRecord | undefined, keys: readonly TrustedKey[]): TestRecord['signature'] {
  if (record === undefined || record.signature === 'none') return 'none';
  return isSignedBy(record, keys) ? 'known' : 'unknown';
}

function latestVerdict(
  records: readonly TestRecord[],
  tests: readonly TestToRun[],
): Exclude<TestVerdict, UnsignedVerdict> {
  const latest = latestOf(records, tests);
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

/** The newest result of the tests that there are now. */
function latestOf(records: readonly TestRecord[], tests: readonly TestToRun[]): TestRecord | undefined {
  const digest = testsDigest(tests);
  return records.find(({ configurations }) => configurations.includes(digest));
}
