import * as v from 'valibot';
import { type Digest, isDigest } from '../oci/index.js';

/** What a statement about a channel is called, as an in-toto predicate type. */
export const channelType = 'https://engineshed.github.io/attestation/channel/v1';

/** The highest number that a step can have. */
export const maxStep = 1_000_000_000;
/** The most tags that a step may be about. */
export const maxStepTags = 100;

/** Why a channel has a new step: it moved on, back, or stays where it is for longer. */
export type MoveReason = 'promote' | 'rollback' | 'renew';

/** A step of a channel: from some time on it led to a release. */
export interface ChannelStep {
  readonly channel: string;
  /** The repository that the channel is in: `HOST/PATH`, or `oci:DIRECTORY`. */
  readonly repository: string;
  /** The tag that the channel is, which moves. */
  readonly tag: string;
  /** All tags that this step let lead to the release: the channel's, and that of the version. */
  readonly tags: readonly string[];
  /** 1 for the first recorded step, and one more for each. */
  readonly step: number;
  readonly digest: Digest;
  /** What the release was called then: `1.4.0`; undefined where it has no version. */
  readonly version: string | undefined;
  readonly reason: MoveReason;
  /** RFC 3339. */
  readonly time: string;
  /** Until when this may be believed without a newer step, RFC 3339; undefined for ever. */
  readonly expires: string | undefined;
  /** Where the channel led before; undefined where it led nowhere. */
  readonly previous: { readonly step: number; readonly digest: Digest } | undefined;
}

const digest = v.custom<Digest>((text) => typeof text === 'string' && isDigest(text), 'is no digest');
const step = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(maxStep));
const name = v.pipe(v.string(), v.nonEmpty(), v.maxLength(1024));
const instant = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'is no time'),
);
const schema = v.looseObject({
  channel: name,
  repository: name,
  tag: name,
  tags: v.pipe(v.array(name), v.maxLength(maxStepTags)),
  step,
  digest,
  version: v.optional(v.string()),
  reason: v.picklist(['promote', 'rollback', 'renew']),
  time: instant,
  expires: v.optional(instant),
  previous: v.optional(v.looseObject({ step, digest })),
});

/**
 * Reads what a statement says of a channel; undefined where that makes no sense. A step leads to an earlier one, so that following
 * them ends.
 */
export function parseChannelStep(predicate: unknown): ChannelStep | undefined {
  const { success, output } = v.safeParse(schema, predicate);
  if (!success) return undefined;
  const { channel, repository, tag, tags, step, digest, version, reason, time, expires, previous } = output;
  if (previous !== undefined && previous.step >= step) return undefined;
  return {
    channel,
    repository,
    tag,
    tags,
    step,
    digest,
    version,
    reason,
    time,
    expires,
    previous: previous && { step: previous.step, digest: previous.digest },
  };
}

/** The predicate of a statement about a step. */
export function formatChannelStep(step: ChannelStep): Record<string, unknown> {
  return Object.fromEntries(Object.entries(step).filter(([, value]) => value !== undefined));
}
