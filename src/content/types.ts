import type { Descriptor } from '../oci/index.js';

/** Bytes as they come. A consumer that stops early ends the source (its iterator's `return`). */
export type ByteStream = AsyncIterable<Uint8Array>;

/** Opens content for reading from its first byte; may be called again when a transfer has to be repeated. */
export type OpenContent = () => Promise<ByteStream>;

/** The first bytes of some content, which an earlier read that did not get to its end has kept. Nobody has verified them. */
export interface Beginning {
  /** How many bytes there are. */
  readonly size: number;
  readonly open: OpenContent;
}

/** How to read content. */
export interface FetchOptions {
  /** Abandons the read. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What is there of the content already. The read yields it first, and fetches only the rest where the place of the content
   * can do so. All of it is verified; where that fails, the beginning may be what was wrong.
   */
  readonly beginning?: Beginning | undefined;
}

/** How to store content. */
export interface PushOptions {
  /** Repositories of the same registry that have the content, so that it need not be sent. */
  readonly mountFrom?: readonly string[] | undefined;
}

/** The registry and the repository that a target is, where it is one. */
export interface RepositoryName {
  /** `host[:port]`. */
  readonly registry: string;
  readonly repository: string;
}

/** Content by descriptor. */
export interface ContentStore {
  /**
   * Reads content. What it yields is verified: the stream ends with `SIZE_MISMATCH` or `DIGEST_MISMATCH` instead of its
   * regular end where the bytes are not the descriptor's. A consumer must not trust them before that end.
   * @throws EngineshedError `CONTENT_NOT_FOUND`, and what the place of the content adds
   */
  fetch(descriptor: Descriptor, options?: FetchOptions): Promise<ByteStream>;
  /** Tells whether the content is there. */
  exists(descriptor: Descriptor): Promise<boolean>;
  /**
   * Stores content, verified against the descriptor; what exists already is not stored again. It is there completely or
   * not at all.
   * @throws EngineshedError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, and what the place of the content adds
   */
  push(descriptor: Descriptor, open: OpenContent, options?: PushOptions): Promise<void>;
}

/** How to list. */
export interface ListOptions {
  /** Abandons the list, where it comes from elsewhere. */
  readonly signal?: AbortSignal | undefined;
  /** With `one request` what a single request tells, which is not tried again; the rest is left out. `whole` unless told. */
  readonly effort?: 'whole' | 'one request' | undefined;
}

/** Names for manifests. */
export interface TagResolver {
  /**
   * The descriptor that a tag or a digest stands for now.
   * @throws EngineshedError `REFERENCE_NOT_FOUND`
   */
  resolve(tagOrDigest: string): Promise<Descriptor>;
  /** Lets `tag` stand for a manifest that is there. */
  tag(descriptor: Descriptor, tag: string): Promise<void>;
  /** All tags, in no promised order. */
  tags(options?: ListOptions): AsyncIterable<string>;
}

/** Manifests that refer to others: signatures, documents and the like (image specification, "subject"). */
export interface ReferrerSource {
  /**
   * The manifests that have `subject` as their subject, each once, with its artifact type and annotations; none where nothing
   * refers to it. A registry's list is the registry's word: who relies on it reads the manifest and looks at its subject.
   * @param artifactType only those of this type
   * @throws EngineshedError `RESPONSE_INVALID` from the iteration, where there are more than 10,000 or the list is malformed
   */
  referrers(subject: Descriptor, artifactType?: string): AsyncIterable<Descriptor>;
}

/** What takes tags away from a place of images. */
export interface TagRemover {
  /**
   * Takes one tag away, and nothing else; one that is not there is none either.
   * @returns false where the place knows no such thing, and a tag goes only with its manifest
   * @throws EngineshedError `DELETION_REFUSED`, and what the place of the tag adds
   */
  untag(tag: string): Promise<boolean>;
  /**
   * Deletes a manifest and, with it, every tag that it has.
   * @throws EngineshedError `DELETION_REFUSED`, and what the place of the manifest adds
   */
  deleteManifest(descriptor: Descriptor): Promise<void>;
}

/** A place of images: content and the tags that name it. A registry's repository is one, an OCI image layout another. */
export interface Target extends ContentStore, TagResolver, ReferrerSource {
  /** What the target is called in messages, for instance `ghcr.io/acme/engine` or `oci:./images`. */
  readonly label: string;
  /** Set where the target is a registry's repository. */
  readonly repository?: RepositoryName | undefined;
  /** What the target names, tagged or not, where it has a list of that: an image layout's index.json is one. */
  readonly images?: () => Promise<readonly Descriptor[]>;
  /** Set where tags can be taken away, as far as the place allows that. */
  readonly remover?: TagRemover;
  /** Where writes go, where reads may come from elsewhere and be of a moment ago: what must know what is there asks it. */
  readonly written?: Target;
}

/** What the long operations report while they run. All sizes are in bytes. */
export type ProgressEvent =
  | { readonly type: 'resolved'; readonly what: string; readonly digest: string }
  /** Of several images for different platforms one was taken; `offered` has the platforms of all. */
  | {
      readonly type: 'picked';
      readonly what: string;
      readonly platform: string;
      readonly offered: readonly string[];
    }
  | {
      readonly type: 'transfer';
      readonly id: string;
      readonly label: string;
      readonly bytes: number;
      readonly total: number;
    }
  | {
      readonly type: 'transferred';
      /** What was done: a layer was made of files, content was sent to a place, fetched into the store, or read and not kept. */
      readonly action: 'packed' | 'sent' | 'fetched' | 'read';
      readonly id: string;
      readonly label: string;
      readonly total: number;
    }
  | { readonly type: 'present'; readonly id: string; readonly label: string; readonly total: number }
  | { readonly type: 'waiting'; readonly what: string }
  | { readonly type: 'count'; readonly what: string; readonly done: number; readonly total: number }
  | { readonly type: 'warning'; readonly message: string };

/** Receives progress; must not throw. */
export type Reporter = (event: ProgressEvent) => void;
