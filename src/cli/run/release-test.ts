import { mkdtempSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Reporter } from '../../content/index.js';
import { resolveEngine } from '../../engine/index.js';
import { EngineshedError, errorKinds, fromSystemError } from '../../errors/index.js';
import { ownerOf } from '../../files/index.js';
import { removeTree } from '../../layer/index.js';
import { formatReference, nodePlatform } from '../../oci/index.js';
import {
  attachTestResult,
  formatJunit,
  releaseEngine,
  runTests,
  type TestOutcome,
  testResult,
} from '../../release/index.js';
import { applyInstall, planInstall, type Remembered, rememberingTarget, storeAt } from '../../store/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { type FoundRelease, findRelease, type ReleaseDesk, withReleases } from '../release.js';
import type { NetworkFlags } from '../runtime.js';
import { isDirectory } from './install.js';

/** The flags of `engineshed release test`. */
interface TestFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly junit?: string;
  readonly concurrent: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Tested {
  readonly release: FoundRelease;
  readonly outcomes: readonly TestOutcome[];
  readonly recorded: string | undefined;
}

/** Tests exactly the image that a release is. */
export async function releaseTest(this: Host, flags: TestFlags, text: string): Promise<void> {
  const { release, outcomes, recorded } = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => carryOut(this, flags, desk, text, report)),
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
    });
    if (failedTests.length > 0) this.process.exitCode = errorKinds.data;
    return;
  }
  for (const { name, passed, fault, durationMs, output } of outcomes) {
    const time = `${(durationMs / 1000).toFixed(1)} s`;
    printLine(this, passed ? `passed  ${name}  ${time}` : `FAILED  ${name}  ${time}: ${fault}`);
    if (!passed)
      for (const line of output.trimEnd().split('\n').slice(-20)) printLine(this, `        ${line}`);
  }
  if (recorded !== undefined) printLine(this, `recorded at ${reference} as ${recorded}`);
  if (failedTests.length === 0) return;
  throw new EngineshedError('TESTS_FAILED', `${failedTests.length} of ${outcomes.length} tests failed`, {
    hint: 'Nothing that failed a test can be promoted.',
    details: { reference },
  });
}

async function carryOut(
  host: Host,
  flags: TestFlags,
  desk: ReleaseDesk,
  text: string,
  report: Reporter,
): Promise<Tested> {
  const { tests } = desk.settings;
  if (tests.length === 0) {
    throw new EngineshedError('CONFIG_INVALID', 'There are no tests to run', {
      hint: 'Write them in engineshed.toml: [[release.test]] with name = "…" and command = ["program", "argument"].',
    });
  }
  const release = await findRelease(host, desk, text);
  const outcomes = await untilStopped((signal) =>
    inCleanStore(host, release, report, (environment) =>
      runTests(tests, {
        environment,
        directory: desk.settings.directory,
        concurrent: flags.concurrent,
        report,
        signal,
      }),
    ),
  );
  const name = formatReference(release.reference);
  if (flags.junit !== undefined) writeJunit(resolve(host.directory, flags.junit), name, outcomes);
  if (flags.dryRun) return { release, outcomes, recorded: undefined };
  const { digest } = await desk.targets.write(release.reference, 'refuse', (target) =>
    attachTestResult(target, {
      subject: release.image.descriptor,
      image: name,
      tests,
      result: testResult(outcomes),
      created: host.now().toISOString(),
    }),
  );
  return { release, outcomes, recorded: digest };
}

/** Tests are in process groups of their own, so that a terminal's ^C reaches only this process: it ends them, and itself afterwards. */
async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => ({
    name,
    handler: () => stopping.abort(name),
  }));
  for (const { name, handler } of handlers) process.on(name, handler);
  try {
    return await work(stopping.signal);
  } finally {
    for (const { name, handler } of handlers) process.off(name, handler);
    if (stopping.signal.aborted) process.kill(process.pid, stopping.signal.reason as NodeJS.Signals);
  }
}

/** Runs `work` with the environment of the release, installed by its digest into a store that has nothing else. */
async function inCleanStore<T>(
  host: Host,
  { reference, target, lock }: FoundRelease,
  report: Reporter,
  work: (environment: Host['environment']) => Promise<T>,
): Promise<T> {
  const root = makeTemporary(host);
  try {
    const store = storeAt(root, ownerOf(host.pid), host.now, report);
    const remembered: Remembered = new Map();
    const content = rememberingTarget(store, target, remembered);
    const resolved = await resolveEngine(releaseEngine(lock, lock.name, reference), {
      target: () => content,
      platform: nodePlatform(host.platform, host.architecture),
      directoryExists: isDirectory,
      report,
    });
    const { engine } = await applyInstall(store, planInstall(store, resolved), {
      content: () => content,
      remembered,
      platform: host.platform,
    });
    const { HAMLET_ENGINE: _, ...surroundings } = host.environment;
    const environment: Record<string, string | undefined> = {
      ...surroundings,
      ...engine.environment.set,
      ENGINESHED_HOME: root,
      ENGINESHED_ENGINE: engine.name,
    };
    for (const variable of engine.environment.unset) delete environment[variable];
    return await work(environment);
  } finally {
    await removeTree(root);
  }
}

function makeTemporary(host: Host): string {
  try {
    return mkdtempSync(join(host.temporary, 'engineshed-release-'));
  } catch (error) {
    throw fromSystemError(error);
  }
}

function writeJunit(path: string, suite: string, outcomes: readonly TestOutcome[]): void {
  try {
    writeFileSync(path, formatJunit(suite, outcomes));
  } catch (error) {
    throw fromSystemError(error);
  }
}
