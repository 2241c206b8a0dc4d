import { createHash } from 'node:crypto';

/** A stored manifest. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * What a registry stores: blobs by digest, manifests and tags by repository. A blob that was put here directly is in every
 * repository; one that was uploaded, mounted or added to a repository is only there.
 */
export class Contents {
  readonly blobs = new Map<string, Buffer>();
  readonly repositories = new Map<
    string,
    { manifests: Map<string, StoredManifest>; tags: Map<string, string> }
  >();
  /** Whether it has the referrers API; many a registry of before distribution specification 1.1 has not. */
  referrersApi = true;
  /** What came so far, by session. */
  readonly uploads = new Map<string, Buffer>();
  /** Which repositories have a blob, where not all of them do. */
  readonly #homes = new Map<string, Set<string>>();

  /** A repository, made if it is not there. */
  repository(name: string) {
    const known = this.repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
    this.repositories.set(name, known);
    return known;
  }

  /** Stores a blob, in one repository or in all of them; returns its digest. */
  addBlob(bytes: Buffer, name?: string): string {
    const digest = sha256(bytes);
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

  /** Stores a manifest and, where told, tags it; returns its digest. */
  addManifest(name: string, mediaType: string, bytes: Buffer, tag?: string): string {
    const digest = sha256(bytes);
    const repository = this.repository(name);
    repository.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) repository.tags.set(tag, digest);
    return digest;
  }
}

/** The digest of bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
