import { resolveEngine } from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import { nodePlatform, parseReference } from '../../oci/index.js';
import { type Remembered, rememberingTarget } from '../../store/index.js';
import type { PlannedAcceptance } from '../../trust/accept.js';
import { type Candidate, describePolicy, policiesFor } from '../../trust/index.js';
import { candidatesOf, openTrustMemory } from '../admission.js';
import { openCatalogs } from '../catalogs.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { define } from '../named-engine.js';
import { printJson, printLine, withProgress } from '../output.js';
import { imageSource } from '../project.js';
import { type NetworkFlags, openStore, openTargets } from '../runtime.js';

/** The flags of `engineshed trust accept`. */
interface AcceptFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Takes what channels lead to now, though it is not what they should. */
export async function acceptChannels(this: Host, flags: AcceptFlags, asked: string): Promise<void> {
  const accepted = await withProgress(this, async (report) => {
    const catalogs = await openCatalogs(this, undefined);
    const definition = define(this, catalogs, {}, asked);
    const store = openStore(this, report);
    const targets = openTargets(this, catalogs, flags, report);
    try {
      const remembered: Remembered = new Map();
      const lock = await resolveEngine(definition, {
        target: ({ reference }) => rememberingTarget(store, targets.readable(reference), remembered),
        platform: nodePlatform(this.platform, this.architecture),
        directoryExists: isDirectory,
      });
      const candidates = candidatesOf({
        catalogs,
        store,
        lock,
        followed: () => true,
        target: (name) => targets.readable(imageSource(definition, name).reference),
        remembered,
        keeping: 'leave',
      }).map(withTag);
      const governed = candidates.map((candidate) => ({
        candidate,
        policies: policiesFor(catalogs.policies, candidate),
      }));
      const { accept, planAcceptance } = await import('../../trust/accept.js');
      const memory = await openTrustMemory(store, flags.dryRun ? 'leave' : 'keep');
      const ruled = governed.filter(({ policies }) => policies.some(({ channel }) => channel));
      if (ruled.length === 0) throw unruled(asked);
      const planned = await planAcceptance(ruled, memory, this.now(), userName(this));
      await accept(planned, memory);
      return planned;
    } finally {
      targets.close();
    }
  });
  tell(this, flags, accepted);
}

function tell(host: Host, flags: AcceptFlags, accepted: readonly PlannedAcceptance[]): void {
  if (flags.json) {
    printJson(host, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      accepted: accepted.map(({ candidate, policy, step, what, before }) => ({
        reference: candidate.reference,
        policy: { name: policy.name, file: policy.file },
        channel: step.channel,
        what,
        step: step.step,
        digest: step.digest,
        version: step.version ?? null,
        time: step.time,
        expires: step.expires ?? null,
        before: before === undefined ? null : { step: before.step, digest: before.digest },
      })),
    });
    return;
  }
  if (accepted.length === 0) {
    printLine(host, 'Nothing is to be accepted: the channels are as they should be.');
    return;
  }
  for (const { candidate, policy, step, what, before } of accepted) {
    const verb = flags.dryRun ? 'would be accepted' : 'is accepted';
    const version = step.version === undefined ? '' : `, ${step.version}`;
    printLine(host, `${candidate.reference} ${verb} for ${describePolicy(policy)} (${what.join(', ')}):`);
    printLine(host, `  step ${step.step} of ${step.time}${version}  ${step.digest}`);
    if (before !== undefined) printLine(host, `  before: step ${before.step}  ${before.digest}`);
  }
}

/** Who names tag and digest wants to take just that, and that both agree was looked at. */
function withTag(candidate: Candidate): Candidate {
  return { ...candidate, tag: candidate.tag ?? parseReference(candidate.reference).tag };
}

/** Whoever the machine takes this for. */
function userName({ environment, userId }: Host): string {
  const { USER, LOGNAME, USERNAME } = environment;
  return USER || LOGNAME || USERNAME || (userId === undefined ? 'unknown' : `user ${userId}`);
}

function unruled(asked: string): EngineshedError {
  return new EngineshedError('USAGE', `No policy asks for a proven channel of ${asked}`, {
    hint: 'See the policies that there are: engineshed trust show',
  });
}
