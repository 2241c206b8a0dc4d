import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Reporter } from '../../content/index.js';
import { EngineshedError, errorKinds, fromSystemError } from '../../errors/index.js';
import { formatReference } from '../../oci/index.js';
import {
  attachTestResult,
  formatJunit,
  runTests,
  type TestOutcome,
  testResult,
} from '../../release/index.js';
import { describePolicy, type ReadPolicy, repositoryName, type SigningKey } from '../../trust/index.js';
import { inCleanStore, untilStopped } from '../clean-store.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { readReleasePolicies, requireCountingKey } from '../policies.js';
import { type FoundRelease, findRelease, type ReleaseDesk, withReleases } from '../release.js';
import { givenSigningKey, requireOwnSignature } from '../release-trust.js';
import type { NetworkFlags } from '../runtime.js';
import type { SigningFlags } from '../signing-key.js';

/** The flags of `engineshed release test`. */
interface TestFlags extends SigningFlags, Pick<NetworkFlags, 'plainHttp'> {
  readonly junit?: string;
  readonly concurrent: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Tested {
  readonly release: FoundRelease;
  readonly outcomes: readonly TestOutcome[];
  readonly recorded: string | undefined;
  /** The policies for the release that none of whose keys signs the result: for a promotion here it does not count. */
  readonly uncounted: readonly ReadPolicy[];
}

/** Tests exactly the image that a release is. */
export async function releaseTest(this: Host, flags: TestFlags, text: string): Promise<void> {
  const key = await givenSigningKey(this, flags);
  const { release, outcomes, recorded, uncounted } = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => carryOut(this, flags, desk, { text, key }, report)),
  );
  const reference = formatReference(release.reference);
  const { result, failedTests } = testResult(outcomes);
  if (flags.json) {
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      reference,
      digest: release.image.descriptor.digest,
      result,
      tests: outcomes.map(({ fault, ...outcome }) => ({ ...outcome, fault: fault ?? null })),
      recorded: recorded ?? null,
      key: key?.public.id ?? null,
      uncounted: uncounted.map(({ name, file }) => ({ name, file })),
    });
    if (failedTests.length > 0) this.process.exitCode = errorKinds.data;
    return;
  }
  for (const { name, passed, fault, durationMs, output } of outcomes) {
    const time = `${(durationMs / 1000).toFixed(1)} s`;
    printLine(this, passed ? `passed  ${name}  ${time}` : `FAILED  ${name}  ${time}: ${fault}`);
    if (!passed && output.trim() !== '')
      for (const line of output.trimEnd().split('\n').slice(-20)) printLine(this, `        ${line}`);
  }
  const signed = key === undefined ? '' : `, signed with ${key.public.label}`;
  if (recorded !== undefined) printLine(this, `recorded at ${reference} as ${recorded}${signed}`);
  for (const policy of uncounted)
    printLine(this, `  it does not count for ${describePolicy(policy)}: ${lackOf(key)}`);
  if (failedTests.length === 0) return;
  throw new EngineshedError('TESTS_FAILED', `${failedTests.length} of ${outcomes.length} tests failed`, {
    hint: 'Nothing that failed a test can be promoted.',
    details: { reference },
  });
}

function lackOf(key: SigningKey | undefined): string {
  return key === undefined
    ? 'it is not signed; name one of its keys with --key'
    : `${key.public.label} is none of its keys`;
}

async function carryOut(
  host: Host,
  flags: TestFlags,
  desk: ReleaseDesk,
  { text, key }: { readonly text: string; readonly key: SigningKey | undefined },
  report: Reporter,
): Promise<Tested> {
  const { tests } = desk.settings;
  if (tests.length === 0) {
    throw new EngineshedError('CONFIG_INVALID', 'There are no tests to run', {
      hint: 'Write them in engineshed.toml: [[release.test]] with name = "…" and command = ["program", "argument"].',
    });
  }
  const policies = await readReleasePolicies(desk);
  if (key !== undefined) requireCountingKey(key, policies, `the tests of ${text}`);
  const release = await findRelease(host, desk, text);
  const uncounted = policies.filter(({ keys }) => !keys.some(({ id }) => id === key?.public.id));
  if (key !== undefined && policies.length === 0)
    await requireOwnSignature(release, key, 'a signed test result');
  const outcomes = await untilStopped((signal) =>
    inCleanStore(host, desk.catalogs, release, report, (environment) =>
      runTests(tests, {
        environment,
        directory: desk.settings.directory,
        concurrent: flags.concurrent,
        report,
        signal,
      }),
    ),
  );
  if (flags.junit !== undefined)
    writeJunit(resolve(host.directory, flags.junit), formatReference(release.reference), outcomes);
  if (flags.dryRun) return { release, outcomes, recorded: undefined, uncounted };
  const { digest } = await desk.targets.write(release.reference, 'refuse', (target) =>
    attachTestResult(target, {
      subject: release.image.descriptor,
      name: repositoryName(release.reference),
      tests,
      result: testResult(outcomes),
      created: host.now().toISOString(),
      key,
    }),
  );
  return { release, outcomes, recorded: digest, uncounted };
}

function writeJunit(path: string, suite: string, outcomes: readonly TestOutcome[]): void {
  try {
    writeFileSync(path, formatJunit(suite, outcomes));
  } catch (error) {
    throw fromSystemError(error);
  }
}
