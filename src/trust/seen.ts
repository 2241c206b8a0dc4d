import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { type Digest, isDigest, parseJson } from '../oci/index.js';

/** What somebody took though it was not as it should be. */
export interface Acceptance {
  /** When, RFC 3339. */
  readonly time: string;
  /** Who, as far as the machine tells. */
  readonly by: string;
  /** What was wrong: an earlier step, another release under a number, too old, or what was seen before could not be read. */
  readonly what: 'rollback' | 'equivocation' | 'expired' | 'unreadable';
  /** What was seen before; left out where that is not known. */
  readonly from?: { readonly step: number; readonly digest: Digest };
  readonly to: { readonly step: number; readonly digest: Digest };
}

/** What was last seen of a channel. Nothing lower is taken afterwards. */
export interface SeenStep {
  /** `HOST/PATH`; for what lies on the disk `oci:` and its absolute path. */
  readonly place: string;
  readonly tag: string;
  readonly channel: string;
  readonly step: number;
  readonly digest: Digest;
  /** Until when that step may be believed; left out for ever. */
  readonly expires?: string;
  /**
   * The latest time that the machine's clock showed when the channel was looked at, RFC 3339, and never later than the end of a step:
   * more is not needed to know that one has ended, and a clock that is far ahead once must not make all that follows look old.
   */
  readonly time?: string;
  /** The latest last. */
  readonly accepted: readonly Acceptance[];
}

/** What was last seen of a channel by those who trust some keys. */
export interface SeenChannel extends SeenStep {
  /** For which keys and threshold that is (the `id` of a `ReadPolicy`), and the ids of the keys that signed it. */
  readonly proof: { readonly policy: string; readonly signers: readonly string[] };
}

/** How many acceptances are kept of a channel. */
const maxAccepted = 100;

const digest = v.custom<Digest>((text) => typeof text === 'string' && isDigest(text), 'is no digest');
const step = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const instant = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'is no time'),
);
const place = v.object({ step, digest });
const schema = v.object({
  version: v.literal(1),
  place: v.string(),
  tag: v.string(),
  channel: v.string(),
  step,
  digest,
  proof: v.object({ policy: v.string(), signers: v.array(v.string()) }),
  expires: v.exactOptional(instant),
  time: v.exactOptional(instant),
  accepted: v.array(
    v.object({
      time: instant,
      by: v.string(),
      what: v.picklist(['rollback', 'equivocation', 'expired', 'unreadable']),
      from: v.exactOptional(place),
      to: place,
    }),
  ),
});

/**
 * Reads the file of a channel that was seen.
 * @throws EngineshedError `STORE_CORRUPT`: without it an old state could be taken for a new one
 */
export function parseSeen(bytes: Uint8Array, path: string): SeenChannel {
  try {
    const { version: _, ...seen } = v.parse(schema, parseJson(bytes, `file ${path}`));
    return seen;
  } catch (cause) {
    throw new EngineshedError(
      'STORE_CORRUPT',
      `The record ${path} of what was seen of a channel is damaged, so that nobody can tell whether the channel went back`,
      {
        hint: 'Look where the channel leads, and accept that: engineshed trust accept ENGINE',
        cause,
        details: { path },
      },
    );
  }
}

/** Whether just the step that was seen last was taken though its time is over. */
export function isAccepted({ accepted, step, digest }: SeenStep): boolean {
  return accepted.some(({ what, to }) => what === 'expired' && to.step === step && to.digest === digest);
}

/** The text of the file of a channel. */
export function formatSeen(seen: SeenChannel): string {
  const accepted = seen.accepted.slice(-maxAccepted);
  return `${JSON.stringify({ version: 1, ...seen, accepted })}\n`;
}
