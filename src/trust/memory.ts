import type { Digest } from '../oci/index.js';
import type { SeenChannel } from './seen.js';

/** A statement about an image whose signatures were verified, so that they need not be fetched again. */
export interface KnownStatement {
  readonly predicateType: string;
  readonly predicate: unknown;
  /** The ids of the keys that signed it, sorted. */
  readonly signers: readonly string[];
  /** The digests of the manifests that carry it, sorted: these need not be opened again. */
  readonly carriers: readonly string[];
}

/** A channel as those see it who trust some keys. What others took for proven is nothing to them. */
export interface ChannelView {
  /** See `SeenChannel`. */
  readonly place: string;
  readonly tag: string;
  /** The `id` of a `ReadPolicy`. */
  readonly policy: string;
  /** Whether they take what these keys signed. */
  readonly isProof: (signers: ReadonlySet<string>) => boolean;
}

/** What is remembered between runs. */
export interface TrustMemory {
  /**
   * What was seen of a channel by those who trust just these keys; where they never looked, the highest step that others saw and that
   * proves itself to them, so that nothing is forgotten where a policy gets another key; undefined where there is none.
   * @throws EngineshedError `STORE_CORRUPT` where that cannot be read: it must not count as nothing
   */
  seen(view: ChannelView): SeenChannel | undefined;
  /** The statements about an image that were verified. What cannot be read of it counts as nothing: it is fetched again. */
  statements(digest: Digest): readonly KnownStatement[];
  /**
   * Keeps what was found, on the disk when it ends. Of each channel `next` makes what is kept of what was, while nobody else changes it.
   * @throws EngineshedError what `next` throws, `DISK_FULL`, `FILE_PERMISSION`
   */
  keep(found: FoundTrust): Promise<void>;
}

/** What is to be remembered. */
export interface FoundTrust {
  readonly channels: readonly {
    readonly view: ChannelView;
    readonly next: (seen: SeenChannel | undefined) => SeenChannel;
    /** What to do where what was seen cannot be read: nothing, or to begin anew. */
    readonly whenDamaged: 'refuse' | 'replace';
  }[];
  readonly images: readonly { readonly digest: Digest; readonly statements: readonly KnownStatement[] }[];
}
