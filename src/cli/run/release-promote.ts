import { fillPattern, matchPattern, type ReleaseChannel } from '../../catalog/index.js';
import { EngineshedError } from '../../errors/index.js';
import { formatReference } from '../../oci/index.js';
import {
  findTestVerdict,
  type PromotionPlan,
  planPromotion,
  promote as promoteRelease,
  type TestVerdict,
  type UnsignedVerdict,
} from '../../release/index.js';
import { describePolicy, type ReadPolicy, type SigningKey } from '../../trust/index.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { readReleasePolicies } from '../policies.js';
import {
  findRelease,
  findReleaseChannel,
  type ReleaseDesk,
  refuseElsewhere,
  withReleases,
} from '../release.js';
import {
  givenSigningKey,
  requireOwnSignature,
  requireSignatures,
  signingOf,
  stepInputs,
} from '../release-trust.js';
import type { NetworkFlags } from '../runtime.js';
import type { SigningFlags } from '../signing-key.js';

/** The flags of `engineshed release promote`. */
interface PromoteFlags extends SigningFlags, Pick<NetworkFlags, 'plainHttp'> {
  readonly version?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Lets a channel lead to a release that was tested. */
export async function releasePromote(
  this: Host,
  flags: PromoteFlags,
  text: string,
  channel: string,
): Promise<void> {
  const key = await givenSigningKey(this, flags);
  const plan = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => carryOut(this, flags, desk, { text, channel, key })),
  );
  printPromotion(this, flags, plan);
}

async function carryOut(
  host: Host,
  flags: PromoteFlags,
  desk: ReleaseDesk,
  asked: { readonly text: string; readonly channel: string; readonly key: SigningKey | undefined },
): Promise<PromotionPlan> {
  const { settings, place, targets } = desk;
  const channel = findReleaseChannel(settings, asked.channel);
  const version = versionOf(host, channel, flags.version);
  const release = await findRelease(host, desk, asked.text);
  refuseElsewhere(desk, release);
  const { descriptor } = release.image;
  const policies = await readReleasePolicies(desk);
  await requireSignatures(host, desk, release);
  if (asked.key !== undefined && policies.length === 0)
    await requireOwnSignature(release, asked.key, 'a signed step of a channel');
  if (settings.tests.length > 0) {
    const verdict = await findTestVerdict(place, descriptor, settings.tests, policies);
    refuseUntested(verdict, formatReference(release.reference), policies);
  }
  const plan = await planPromotion(place, {
    ...stepInputs(host, desk, channel),
    release: descriptor,
    version,
    versionTag: channel.versions && fillPattern(channel.versions, version),
    reason: 'promote',
    signing: await signingOf(host, desk, channel, asked.key),
  });
  if (!flags.dryRun) await targets.write(settings.image, 'refuse', (target) => promoteRelease(target, plan));
  return plan;
}

/** Prints where a channel leads, or would. */
export function printPromotion(
  host: Host,
  flags: { readonly dryRun?: boolean; readonly json?: boolean },
  { channel, tag, tags, release, from, version, step, signing }: PromotionPlan,
): void {
  if (flags.json) {
    printJson(host, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      channel,
      tag,
      digest: release.digest,
      version: version ?? null,
      previous: from?.digest ?? null,
      tags,
      step: step?.step ?? null,
      expires: step?.expires ?? null,
      key: step === undefined ? null : (signing?.key.public.id ?? null),
      changed: tags.length > 0 || step !== undefined,
    });
    return;
  }
  const until = step?.expires === undefined ? '' : `, until ${step.expires}`;
  const signed = step && signing && `  signed  step ${step.step} with ${signing.key.public.label}${until}`;
  if (tags.length === 0) {
    printLine(host, `${channel} leads to ${release.digest} already.`);
    if (signed !== undefined) printLine(host, signed);
    return;
  }
  const verb = flags.dryRun ? 'would lead' : 'leads';
  const called = version === undefined ? '' : `${version}, `;
  printLine(host, `${channel} ${verb} to ${called}${release.digest}.`);
  if (from !== undefined) printLine(host, `  before  ${from.digest}`);
  for (const set of tags) printLine(host, `  tag     ${set}`);
  if (signed !== undefined) printLine(host, signed);
}

/**
 * What a release is called in a channel: a version that is given, a date that is today's unless one is given.
 * @throws EngineshedError `USAGE`
 */
function versionOf(host: Host, channel: ReleaseChannel, given: string | undefined): string | undefined {
  const { name, versions } = channel;
  if (versions === undefined) {
    if (given === undefined) return undefined;
    throw new EngineshedError('USAGE', `The releases of ${name} have no versions`, {
      hint: `Leave --version out, or give the channel versions: [release.channels] ${name} = { tag = "${channel.tag}", versions = "{version}" }.`,
    });
  }
  const today = host.now().toISOString().slice(0, 10).replaceAll('-', '');
  const version = given ?? (versions.placeholder === 'date' ? today : undefined);
  if (version === undefined) {
    throw new EngineshedError('USAGE', `A release of ${name} needs a version`, {
      hint: 'Give one: --version 1.4.0',
    });
  }
  if (matchPattern(versions, fillPattern(versions, version)) === version) return version;
  throw new EngineshedError('USAGE', `"${version}" cannot be the version of a release of ${name}`, {
    hint:
      versions.placeholder === 'date'
        ? 'It is a date: the year, the month and the day, as in 20260131.'
        : 'It is three numbers, as in 1.4.0.',
  });
}

function refuseUntested(verdict: TestVerdict, reference: string, policies: readonly ReadPolicy[]): void {
  if (verdict.kind === 'passed') return;
  if (verdict.kind === 'unsigned') throw unsignedResult(verdict, reference);
  const reasons = {
    untested: () => 'has not been tested',
    'other-tests': () => 'was tested, but not with the tests that there are now',
    failed: () => `failed ${verdict.kind === 'failed' ? verdict.failedTests.join(', ') : ''}`,
  };
  const signing = policies.length === 0 ? '' : ' --key FILE';
  throw new EngineshedError('RELEASE_UNTESTED', `${reference} ${reasons[verdict.kind]()}`, {
    hint:
      verdict.kind === 'failed'
        ? 'Mend the component that is to blame, and build the next one.'
        : `Test it: engineshed release test ${reference}${signing}`,
    details: { reference },
  });
}

/** Whoever may push can attach a result: under a policy it says nothing without the signature of one of its keys. */
function unsignedResult({ says, signature, policy }: UnsignedVerdict, reference: string): EngineshedError {
  const found = {
    none: 'it has no signature',
    unknown: 'it is signed with an unknown key',
    known: 'it is signed with a key of another policy',
  };
  return new EngineshedError(
    signature === 'none' ? 'SIGNATURE_MISSING' : 'SIGNATURE_INVALID',
    `${reference} has a test result that says ${says}, and no key of ${describePolicy(policy)} signed it: ${found[signature]}`,
    {
      hint: `Whoever may push can attach one. Test it with a key of that policy: engineshed release test ${reference} --key FILE`,
      details: { reference },
    },
  );
}
