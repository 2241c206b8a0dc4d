import { findEngine } from '../catalog/index.js';
import { type Reporter, resolveReference, type Target } from '../content/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  formatReference,
  nodePlatform,
  parsePlatform,
  type Reference,
  type WantedPlatform,
} from '../oci/index.js';
import { openCatalogs } from './catalogs.js';
import type { Host } from './host.js';
import { withProgress } from './output.js';
import { parseImage } from './references.js';
import { type NetworkFlags, openTargets } from './runtime.js';

/** The flags of commands that look at an image. */
export interface ImageFlags extends NetworkFlags {
  readonly platform?: string;
}

/** A place of images that a command was given. */
export interface GivenPlace {
  readonly reference: Reference;
  readonly target: Target;
  readonly report: Reporter;
}

/** An image that a command was given. */
export interface GivenImage extends GivenPlace {
  /** What the reference stands for. */
  readonly descriptor: Descriptor;
  /** That of `--platform`, else of this machine. */
  readonly platform: WantedPlatform;
}

/**
 * Opens the place of a reference for as long as `work` takes.
 * @throws EngineshedError `REFERENCE_INVALID`, `USAGE` for the name of an engine, and what `work` throws
 */
export async function withPlace<T>(
  host: Host,
  flags: NetworkFlags,
  text: string,
  work: (place: GivenPlace) => Promise<T>,
): Promise<T> {
  return withProgress(host, async (report) => {
    const catalogs = await openCatalogs(host, undefined);
    if (!/[/:]/.test(text)) refuseEngine(text, () => findEngine(catalogs, text));
    const reference = parseImage(text);
    const targets = openTargets(host, catalogs, flags, report);
    try {
      return await work({ reference, target: targets.readable(reference), report });
    } finally {
      targets.close();
    }
  });
}

/**
 * {@link withPlace} for a reference that names a repository, and no image in it.
 * @throws EngineshedError as {@link withPlace} does, `USAGE` for a tag or digest
 */
export async function withRepository<T>(
  host: Host,
  flags: NetworkFlags,
  text: string,
  work: (place: GivenPlace) => Promise<T>,
): Promise<T> {
  return withPlace(host, flags, text, async (place) => {
    const { reference } = place;
    if (reference.tag !== undefined || reference.digest !== undefined) {
      throw new EngineshedError('USAGE', `"${text}" names one image, and not a repository`, {
        hint: `Leave out the tag: ${formatReference({ ...reference, tag: undefined, digest: undefined })}`,
      });
    }
    return work(place);
  });
}

/**
 * Resolves a reference and opens its place for as long as `work` takes.
 * @throws EngineshedError as {@link withPlace} does, `REFERENCE_NOT_FOUND`, `DIGEST_MISMATCH`
 */
export async function withImage<T>(
  host: Host,
  flags: ImageFlags,
  text: string,
  work: (image: GivenImage) => Promise<T>,
): Promise<T> {
  const platform =
    flags.platform === undefined
      ? nodePlatform(host.platform, host.architecture)
      : parsePlatform(flags.platform);
  return withPlace(host, flags, text, async (place) =>
    work({ ...place, platform, descriptor: await resolveReference(place.target, place.reference) }),
  );
}

function refuseEngine(text: string, find: () => unknown): void {
  try {
    find();
  } catch (error) {
    if (isEngineshedError(error, 'ENGINE_UNKNOWN', 'NAME_INVALID')) return;
    throw error;
  }
  throw new EngineshedError('USAGE', `"${text}" is the name of an engine, and no image`, {
    hint: `See its images with: engineshed show ${text}`,
  });
}
