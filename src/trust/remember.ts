import { EngineshedError } from '../errors/index.js';
import { canonicalJson } from '../oci/index.js';
import type { Candidate } from './admission.js';
import { refusedStep } from './channel-errors.js';
import { type ChannelFinding, type Finding, followedTag } from './decide.js';
import { type Evidence, joinStatements, subjectsOf } from './evidence.js';
import { judgeChannel } from './judge-channel.js';
import type { FoundTrust, TrustMemory } from './memory.js';
import type { SeenChannel } from './seen.js';

/** What is written of the clock need not be more exact: an hour, in milliseconds. */
const clockStepMs = 60 * 60 * 1000;

/**
 * Keeps what was found out about images, where that is news.
 * @throws EngineshedError as `TrustMemory.keep` does, and where somebody else has seen more meanwhile, the error for a step that is not taken
 */
export async function remember(findings: readonly Finding[], memory: TrustMemory, now: Date): Promise<void> {
  const found: FoundTrust = {
    images: findings.flatMap(({ candidate, evidence }) => newStatements(candidate, evidence, memory)),
    channels: findings.flatMap((finding) =>
      finding.channels.flatMap((channel) => newlySeen(finding.candidate, channel, memory, now)),
    ),
  };
  if (found.images.length + found.channels.length > 0) await memory.keep(found);
}

function newStatements(
  candidate: Candidate,
  { statements }: Evidence,
  memory: TrustMemory,
): FoundTrust['images'] {
  return subjectsOf(candidate).flatMap((digest) => {
    const own = joinStatements(statements.filter(({ subject }) => subject === digest)).map(
      ({ subject: _, ...statement }) => statement,
    );
    return canonicalJson(own) === canonicalJson(memory.statements(digest))
      ? []
      : [{ digest, statements: own }];
  });
}

/** Somebody else may have seen more meanwhile: what is kept is judged by that. */
function newlySeen(
  candidate: Candidate,
  { view, verdict: judged, signers }: ChannelFinding,
  memory: TrustMemory,
  now: Date,
): FoundTrust['channels'] {
  const followed = followedTag(candidate);
  if (followed === undefined || !('seen' in judged)) return [];
  if (judged.kind === 'rollback' || judged.kind === 'equivocation' || judged.seen === undefined) return [];
  const proof = { policy: view.policy, signers };
  if (!isNews(memory.seen(view), { ...judged.seen, proof })) return [];
  const { step } = judged;
  const next = (seen: SeenChannel | undefined): SeenChannel => {
    const verdict = judgeChannel(followed, [step], seen, now);
    if (verdict.kind === 'rollback' || verdict.kind === 'equivocation') throw refusedStep(candidate, verdict);
    if (verdict.kind === 'unproven' || verdict.seen === undefined)
      throw new EngineshedError('INTERNAL', `The step ${step.step} of ${view.tag} was judged in two ways`);
    return { ...verdict.seen, proof };
  };
  return [{ view, next, whenDamaged: 'refuse' }];
}

function isNews(before: SeenChannel | undefined, after: SeenChannel): boolean {
  if (before === undefined) return true;
  const { time: old, ...known } = before;
  const { time, ...seen } = after;
  if (canonicalJson(known) !== canonicalJson(seen)) return true;
  if (time === undefined || time === old) return false;
  return old === undefined || time === seen.expires || Date.parse(time) - Date.parse(old) >= clockStepMs;
}
