import type { EngineLock } from '../engine/index.js';
import type { Digest } from '../oci/index.js';
import type { ChannelStep, RecordedStep } from './channel.js';
import type { TestRecord } from './test-result.js';
import type { TestVerdict } from './test-verdict.js';

/** All that is known of the releases of an engine: what a page for people shows. Plain data, in a fixed order. */
export interface ReleaseSite {
  readonly engine: string;
  /** What the newest release says of itself. */
  readonly description: string;
  /** Where the releases are, without a tag: `ghcr.io/acme/base`, `oci:base`. */
  readonly place: string;
  /** What signatures were checked with; none where nobody named any. */
  readonly keys: readonly SiteKey[];
  /** In the order of the project's file. */
  readonly channels: readonly SiteChannel[];
  /** The newest first. */
  readonly releases: readonly SiteRelease[];
  /** What a channel leads to or a version is, and cannot be shown. */
  readonly unreadable: readonly UnreadableRelease[];
  /** How many releases were left out at least, because there are more than were asked for. */
  readonly omitted: number;
}

/** A channel with its history. */
export interface SiteChannel {
  readonly name: string;
  readonly tag: string;
  /** What the tags of its versions look like; undefined where it has none. */
  readonly pattern: string | undefined;
  /** Where it leads; undefined where it leads nowhere yet. */
  readonly digest: Digest | undefined;
  /** The latest first. */
  readonly steps: readonly SiteStep[];
  /** Whether the history was followed to its beginning. */
  readonly complete: boolean;
  /** The newest first. */
  readonly versions: readonly SiteVersion[];
}

/** A step of a channel, with the keys that are known to have signed it. */
export interface SiteStep extends ChannelStep, Pick<RecordedStep, 'signature'> {
  readonly signers: readonly SiteKey[];
}

/** A public key that signatures were checked with. */
export interface SiteKey {
  readonly id: string;
  /** The name of its file, without the directory. */
  readonly name: string;
}

/** A tag that a release got when it was promoted. */
export interface SiteVersion {
  readonly tag: string;
  readonly digest: Digest;
}

/** A release, as far as it is shown. */
export interface SiteRelease {
  readonly digest: Digest;
  /** What it is called: its version, else the tag of a night, else the beginning of its digest. */
  readonly title: string;
  /** Its tags that never move, with the channel that each is of. */
  readonly names: readonly { readonly channel: string; readonly tag: string }[];
  /** When a channel first led to it, or else when its youngest component was made, RFC 3339; undefined where nobody says. */
  readonly time: string | undefined;
  readonly engine: ReleasedEngine;
  readonly tests: SiteTests;
  readonly attached: SiteAttached;
}

/** What a release is made of: of its lock what can be shown and compared. */
export type ReleasedEngine = Pick<
  EngineLock,
  'description' | 'sources' | 'parts' | 'environment' | 'commands'
>;

/** What the tests said of a release. */
export interface SiteTests {
  /** By the tests that there are now, and the policies; undefined where there are none, and where too much is attached to tell. */
  readonly verdict: TestVerdict | undefined;
  /** The newest first; not more than can be shown. */
  readonly records: readonly SiteTestRecord[];
}

/** A test result, with the keys that are known to have signed it. */
export interface SiteTestRecord extends Omit<TestRecord, 'signers'> {
  readonly signers: readonly SiteKey[];
}

/** What else is attached to a release. */
export interface SiteAttached {
  /** The keys, of those that were given, that signed it; this was checked. */
  readonly signers: readonly SiteKey[];
  /** How many signatures there are beside: by other keys, or by anybody, for no key checked them. Undefined where there are too many. */
  readonly unchecked: number | undefined;
  /** Whether a document that lists its content is attached (SPDX). */
  readonly hasBill: boolean;
}

/** An image that should be a release and cannot be shown. */
export interface UnreadableRelease {
  readonly digest: Digest;
  /** The tags that lead to it. */
  readonly tags: readonly string[];
  readonly fault: string;
}
