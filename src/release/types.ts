import type { EngineLock } from '../engine/index.js';
import type { Descriptor, Digest } from '../oci/index.js';

/** A component in a release. */
export interface ReleaseComponent {
  /** The source that it is, and the directory of the image that it is in. */
  readonly source: string;
  /** The manifest of the component's own image. */
  readonly manifest: Digest;
  /** What it was asked for as. */
  readonly reference: string;
  /** The commit that it was built from, where its image tells. */
  readonly revision: string | undefined;
  /** The version that its image tells. */
  readonly version: string | undefined;
}

/** A consolidated image that was composed. */
export interface ComposedRelease {
  /** The descriptor of the manifest. */
  readonly manifest: Descriptor;
  /** What it was composed from, as it stands in the image. */
  readonly lock: EngineLock;
  /** In the image's order: one for each component and one for the lock, or a single one. */
  readonly layers: readonly ReleaseLayer[];
  /** RFC 3339; the time of the youngest component that tells one. */
  readonly created: string | undefined;
}

/** A layer of a consolidated image. */
export interface ReleaseLayer {
  /** The component in it; undefined for that of the lock, and where all are in one. */
  readonly source: string | undefined;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}
