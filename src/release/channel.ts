import * as v from 'valibot';
import type { Target } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { type Descriptor, type Digest, isDigest } from '../oci/index.js';
import { attachStatement, readStatements } from './statement.js';

const channelType = 'https://engineshed.github.io/attestation/channel/v1';
const channelKey = 'io.github.engineshed.channel';
/** The most steps of a channel that are followed back. */
const maxSteps = 1000;

/** Why a channel was moved. */
export type MoveReason = 'promote' | 'rollback';

/** A step of a channel: from some time on it led to a release. */
export interface ChannelStep {
  readonly channel: string;
  /** 1 for the first recorded step, and one more for each. */
  readonly step: number;
  readonly digest: Digest;
  /** What the release was called then: `1.4.0`; undefined where it has no version. */
  readonly version: string | undefined;
  readonly reason: MoveReason;
  /** RFC 3339. */
  readonly time: string;
  /** Where the channel led before; undefined where it led nowhere. */
  readonly previous: { readonly step: number; readonly digest: Digest } | undefined;
}

const digest = v.custom<Digest>((text) => typeof text === 'string' && isDigest(text), 'is no digest');
const step = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const stepSchema = v.looseObject({
  channel: v.string(),
  step,
  digest,
  version: v.optional(v.string()),
  reason: v.picklist(['promote', 'rollback']),
  time: v.string(),
  previous: v.optional(v.looseObject({ step, digest })),
});

/**
 * Records a step of a channel at the release that it leads to. The tag decides where the channel is; this tells how it came there.
 * @param name what the release is called, for people
 * @throws EngineshedError as `Target.push` does
 */
export async function recordStep(
  target: Target,
  subject: Descriptor,
  name: string,
  { version, previous, ...made }: ChannelStep,
): Promise<Descriptor> {
  return attachStatement(target, {
    subject,
    name,
    created: made.time,
    predicateType: channelType,
    predicate: {
      ...made,
      ...(version === undefined ? {} : { version }),
      ...(previous === undefined ? {} : { previous }),
    },
    annotations: { [channelKey]: made.channel },
  });
}

/**
 * The release that a channel leads to; undefined where it leads nowhere yet.
 * @throws EngineshedError as `Target.resolve` does
 */
export async function findChannel(target: Target, tag: string): Promise<Descriptor | undefined> {
  try {
    return await target.resolve(tag);
  } catch (error) {
    if (isEngineshedError(error, 'REFERENCE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/**
 * The steps of a channel, the latest first, back from where its tag is. They end where nothing is recorded.
 * @param at where the channel leads
 * @param limit how many at most
 * @throws EngineshedError as `readStatements` does
 */
export async function readChannelHistory(
  target: Target,
  channel: string,
  at: Descriptor,
  limit = maxSteps,
): Promise<ChannelStep[]> {
  const steps: ChannelStep[] = [];
  let wanted: { readonly step: number | undefined; readonly digest: Digest } = {
    step: undefined,
    digest: at.digest,
  };
  while (steps.length < limit) {
    const subject = steps.length === 0 ? at : await resolveOrNothing(target, wanted.digest);
    const found = subject === undefined ? [] : await readSteps(target, channel, subject);
    const here = found.find((entry) => wanted.step === undefined || entry.step === wanted.step);
    if (here === undefined) break;
    steps.push(here);
    if (here.previous === undefined) break;
    wanted = here.previous;
  }
  return steps;
}

/** The steps that led to a release, the latest first. Each leads to an earlier number, so that following them ends. */
async function readSteps(target: Target, channel: string, subject: Descriptor): Promise<ChannelStep[]> {
  const statements = await readStatements(target, subject, channelType, { [channelKey]: channel });
  return statements
    .flatMap(({ predicate }) => {
      const { success, output } = v.safeParse(stepSchema, predicate);
      if (!success || output.channel !== channel || output.digest !== subject.digest) return [];
      const { step, version, reason, time, previous } = output;
      if (previous !== undefined && previous.step >= step) return [];
      return [{ channel, step, digest: output.digest, version, reason, time, previous } as ChannelStep];
    })
    .sort((a, b) => b.step - a.step);
}

async function resolveOrNothing(target: Target, digest: Digest): Promise<Descriptor | undefined> {
  return findChannel(target, digest);
}

/**
 * The error for a channel that leads nowhere.
 */
export function emptyChannel(target: Target, channel: string, tag: string): EngineshedError {
  return new EngineshedError(
    'REFERENCE_NOT_FOUND',
    `The channel ${channel} leads nowhere yet: there is no ${target.label}:${tag}`,
    { hint: `Promote a release to it: engineshed release promote REF ${channel}` },
  );
}
