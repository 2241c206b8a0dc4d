import { mapLimited, type Target } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import { canonicalJson, type Descriptor, type Digest } from '../oci/index.js';
import {
  attachSigned,
  type ChannelStep,
  channelType,
  formatChannelStep,
  parseChannelStep,
  readClaimed,
  type SigningKey,
  type TrustedKey,
} from '../trust/index.js';
import { attachStatement, readStatements } from './statement.js';

export type { ChannelStep } from '../trust/index.js';

const channelKey = 'io.github.engineshed.channel';
/** The most steps of a channel that are followed back for people. */
export const maxHistorySteps = 1000;
/** The most that are where one more is to be signed: a channel that is signed anew each day may stay at a release for years. */
const maxSignedSteps = 5000;

/** A step of a channel as it was found. */
export interface RecordedStep extends ChannelStep {
  /**
   * `none` where it is a plain statement; else whether one of the keys that were given signed it. Only `known` may count for anything.
   */
  readonly signature: 'none' | 'unknown' | 'known';
  /** The keys of those that were given that signed it. */
  readonly signers: readonly TrustedKey[];
}

/**
 * Records a step of a channel at the release that it leads to: as a plain statement, or signed. The tag decides where the channel is;
 * this tells how it came there.
 * @param name what the release is called, for people
 * @param key undefined for a plain statement
 * @throws EngineshedError as `Target.push` does
 */
export async function recordStep(
  target: Target,
  subject: Descriptor,
  name: string,
  step: ChannelStep,
  key: SigningKey | undefined,
): Promise<Descriptor> {
  const about = {
    subject,
    name,
    created: step.time,
    predicateType: channelType,
    predicate: formatChannelStep(step),
  };
  return key === undefined
    ? attachStatement(target, { ...about, annotations: { [channelKey]: step.channel } })
    : attachSigned(target, { ...about, key });
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
 * The steps of a channel, the latest first, back from where its tag is. They end where nothing is recorded. Where a step is signed by
 * one of the keys, what others say of that release does not count.
 * @param at where the channel leads
 * @param limit how many at most
 * @throws EngineshedError as `readStatements` and `readClaimed` do
 */
export async function readChannelHistory(
  target: Target,
  channel: string,
  at: Descriptor,
  limit = maxHistorySteps,
  keys: readonly TrustedKey[] = [],
): Promise<RecordedStep[]> {
  return followBack(target, at, limit, (subject) => readSteps(target, channel, subject, keys));
}

/** What counts in the history of a channel for who signs its next step. */
interface SignedSteps {
  /** What others signed says nothing. */
  readonly keys: readonly TrustedKey[];
  /** The highest step that is known wherever the tag is (see {@link findLatestSigned}); undefined where none is. */
  readonly latest: ChannelStep | undefined;
}

/**
 * The steps of a channel that one of the keys signed, for its repository and tag, the latest first. They begin where the tag is, or at
 * the latest that is known where somebody led the tag elsewhere, and end before the first that nobody vouches for: whoever may push
 * can record plain steps, and move the tag.
 * @param at where the channel leads
 * @throws EngineshedError as {@link readChannelHistory} does
 */
export async function readSignedHistory(
  target: Target,
  place: Pick<ChannelStep, 'channel' | 'repository' | 'tag'>,
  at: Descriptor,
  { keys, latest }: SignedSteps,
): Promise<RecordedStep[]> {
  const read = async (subject: Descriptor) =>
    (await readSteps(target, place.channel, subject, keys)).filter((step) => isSignedFor(step, place));
  const history = await followBack(target, at, maxSignedSteps, read);
  if (latest === undefined || (history[0]?.step ?? 0) >= latest.step) return history;
  const release = await findChannel(target, latest.digest);
  return release === undefined ? [] : followBack(target, release, maxSignedSteps, read);
}

function isSignedFor(
  step: RecordedStep,
  { repository, tag }: Pick<ChannelStep, 'repository' | 'tag'>,
): boolean {
  return step.signature === 'known' && step.repository === repository && step.tag === tag;
}

/**
 * Follows the steps back. A release that a channel led to for many steps is read once.
 * @param read the steps that count at a release, the latest first
 */
async function followBack(
  target: Target,
  at: Descriptor,
  limit: number,
  read: (subject: Descriptor) => Promise<readonly RecordedStep[]>,
): Promise<RecordedStep[]> {
  const known = new Map([[at.digest, await read(at)]]);
  const stepsAt = async (digest: Digest) => {
    const before = known.get(digest);
    if (before !== undefined) return before;
    const subject = await findChannel(target, digest);
    const found = subject === undefined ? [] : await read(subject);
    known.set(digest, found);
    return found;
  };
  const steps: RecordedStep[] = [];
  let wanted: { readonly step: number | undefined; readonly digest: Digest } = {
    step: undefined,
    digest: at.digest,
  };
  while (steps.length < limit) {
    const found = await stepsAt(wanted.digest);
    const here = found.find((entry) => wanted.step === undefined || entry.step === wanted.step);
    if (here === undefined) break;
    steps.push(here);
    if (here.previous === undefined) break;
    wanted = here.previous;
  }
  return steps;
}

/**
 * The steps that led to a release, the latest first.
 * @throws EngineshedError as {@link readChannelHistory} does
 */
export async function readSteps(
  target: Target,
  channel: string,
  subject: Descriptor,
  keys: readonly TrustedKey[],
): Promise<RecordedStep[]> {
  const [plain, claimed] = await Promise.all([
    readStatements(target, subject, channelType, { [channelKey]: channel }),
    readClaimed(target, subject, keys, [channelType]),
  ]);
  const about = (predicate: unknown): ChannelStep[] => {
    const step = parseChannelStep(predicate);
    return step?.channel === channel && step.digest === subject.digest ? [step] : [];
  };
  const none: Pick<RecordedStep, 'signature' | 'signers'> = { signature: 'none', signers: [] };
  const unsigned = plain.flatMap(({ predicate }) => about(predicate).map((step) => ({ ...step, ...none })));
  const signed = new Map<string, RecordedStep>();
  for (const { predicate, signers } of claimed)
    for (const step of about(predicate)) {
      const said = canonicalJson(formatChannelStep(step));
      const ids = new Set([...(signed.get(said)?.signers ?? []).map(({ id }) => id), ...signers]);
      const known = keys.filter(({ id }) => ids.has(id));
      signed.set(said, { ...step, signature: known.length === 0 ? 'unknown' : 'known', signers: known });
    }
  const all = [...signed.values(), ...unsigned];
  const known = all.filter(({ signature }) => signature === 'known');
  return (known.length > 0 ? known : all).sort((a, b) => b.step - a.step);
}

/** Who signs the steps of a channel. */
interface ProvingKeys {
  readonly keys: readonly TrustedKey[];
  /** Whether a step that these of the keys signed is proven to some of those who follow the channel. */
  readonly isProof: (signers: readonly TrustedKey[]) => boolean;
}

/** How many releases are asked at the same time. */
const concurrentReleases = 4;

/**
 * The highest step of a channel that is proven, at any of some releases. Who can move a tag, and has no key, so cannot make
 * the publisher count from the beginning, or twice: users would take that for a release that is played back.
 * @param tags of the releases; those that are not there say nothing
 * @param by what others signed says nothing, and neither what too few have
 * @throws EngineshedError as {@link readChannelHistory} does
 */
export async function findLatestSigned(
  target: Target,
  { channel, repository, tag }: Pick<ChannelStep, 'channel' | 'repository' | 'tag'>,
  tags: readonly string[],
  by: ProvingKeys,
): Promise<ChannelStep | undefined> {
  const steps = await mapLimited(tags, concurrentReleases, async (name) => {
    const release = await findChannel(target, name);
    return release === undefined ? [] : readSteps(target, channel, release, by.keys);
  });
  const [latest] = steps
    .flat()
    .filter((step) => isSignedFor(step, { repository, tag }) && by.isProof(step.signers))
    .sort((a, b) => b.step - a.step);
  return latest;
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
