import type { Digest } from '../oci/index.js';

/** How many bytes of manifests are kept. */
const maxKeptBytes = 8 * 1024 * 1024;

/** Manifests that were read or stored a moment ago, verified: they are often needed again, for instance to be tagged. */
export class KeptManifests {
  /** Oldest first. */
  readonly #kept = new Map<Digest, Buffer>();

  get(digest: Digest): Buffer | undefined {
    return this.#kept.get(digest);
  }

  /** Keeps one, and lets go of the oldest where that is too much. */
  keep(digest: Digest, bytes: Buffer): void {
    this.#kept.delete(digest);
    this.#kept.set(digest, bytes);
    let total = 0;
    for (const kept of this.#kept.values()) total += kept.byteLength;
    for (const [oldest, kept] of this.#kept) {
      if (total <= maxKeptBytes) return;
      this.#kept.delete(oldest);
      total -= kept.byteLength;
    }
  }
}
