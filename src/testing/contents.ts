import { type Algorithm, algorithmOf, digestOf } from './digest.js';

/** A stored manifest. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** What one repository stores. */
export interface StoredRepository {
  /** By digest. */
  readonly manifests: Map<string, StoredManifest>;
  /** The digests of tagged manifests, by tag. */
  readonly tags: Map<string, string>;
}

/**
 * What a registry stores: blobs by digest, manifests and tags by repository. Nothing is checked here: a test may put in what no
 * registry would take, and take out what others refer to. A blob that was put here directly is in every repository; one that
 * was uploaded, mounted or added to a repository is only there.
 */
export class Contents {
  /** By digest. */
  readonly blobs = new Map<string, Buffer>();
  /** By name. */
  readonly repositories = new Map<string, StoredRepository>();
  /** What came so far, by upload session. */
  readonly uploads = new Map<string, Buffer>();
  /** Which repositories have a blob, where not all of them do. */
  readonly #homes = new Map<string, Set<string>>();

  /** A repository, made if it is not there. */
  repository(name: string): StoredRepository {
    const known = this.repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
    this.repositories.set(name, known);
    return known;
  }

  /** Stores a blob under its sha256, in one repository or in all of them; returns its digest. */
  addBlob(bytes: Buffer, name?: string): string {
    const digest = digestOf(bytes, 'sha256');
    if (name === undefined) this.blobs.set(digest, bytes);
    else this.store(name, digest, bytes);
    return digest;
  }

  /** Stores a blob in one repository. */
  store(name: string, digest: string, bytes: Buffer): void {
    const isEverywhere = this.blobs.has(digest) && !this.#homes.has(digest);
    this.blobs.set(digest, bytes);
    if (!isEverywhere) this.#homes.set(digest, (this.#homes.get(digest) ?? new Set()).add(name));
  }

  /** The blob as a repository has it. */
  blob(name: string, digest: string): Buffer | undefined {
    const homes = this.#homes.get(digest);
    return homes === undefined || homes.has(name) ? this.blobs.get(digest) : undefined;
  }

  /** Puts a blob of one repository, or of any, into another; tells whether it was there. */
  mount(digest: string, from: string | undefined, name: string): boolean {
    const blob = from === undefined ? this.blobs.get(digest) : this.blob(from, digest);
    if (blob === undefined) return false;
    this.store(name, digest, blob);
    return true;
  }

  /** Takes a blob out of one repository, or out of all where all had it; tells whether it was there. */
  removeBlob(name: string, digest: string): boolean {
    if (this.blob(name, digest) === undefined) return false;
    const homes = this.#homes.get(digest);
    homes?.delete(name);
    if (homes === undefined || homes.size === 0) {
      this.#homes.delete(digest);
      this.blobs.delete(digest);
    }
    return true;
  }

  /** Stores a manifest and, where told, tags it; returns its digest, by sha256 unless told. */
  addManifest(
    name: string,
    mediaType: string,
    bytes: Buffer,
    tag?: string,
    algorithm: Algorithm = 'sha256',
  ): string {
    const digest = digestOf(bytes, algorithm);
    const repository = this.repository(name);
    repository.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) repository.tags.set(tag, digest);
    return digest;
  }

  /** The manifest that a tag or digest names, with its digest. */
  manifest(name: string, reference: string): { digest: string; manifest: StoredManifest } | undefined {
    const repository = this.repositories.get(name);
    const digest = algorithmOf(reference) === undefined ? repository?.tags.get(reference) : reference;
    const manifest = digest === undefined ? undefined : repository?.manifests.get(digest);
    return digest === undefined || manifest === undefined ? undefined : { digest, manifest };
  }

  /** Takes out a tag, or a manifest with all its tags; tells whether it was there. */
  removeManifest(name: string, reference: string): boolean {
    const { manifests, tags } = this.repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
    if (tags.delete(reference)) return true;
    for (const [tag, digest] of tags) if (digest === reference) tags.delete(tag);
    return manifests.delete(reference);
  }
}
