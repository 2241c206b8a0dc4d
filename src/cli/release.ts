import { type Catalogs, findEngine, type ReleaseChannel, type ReleaseSettings } from '../catalog/index.js';
import { type Image, type Reporter, readImage, resolveReference, type Target } from '../content/index.js';
import type { EngineDefinition, EngineLock } from '../engine/index.js';
import { didYouMean, EngineshedError } from '../errors/index.js';
import {
  formatReference,
  isDigest,
  namesPath,
  nodePlatform,
  parseTag,
  type Reference,
} from '../oci/index.js';
import { readReleaseLock } from '../release/index.js';
import { openCatalogs } from './catalogs.js';
import type { Host } from './host.js';
import { parseImage } from './references.js';
import { type NetworkFlags, openTargets, type Targets } from './runtime.js';

/** What the commands of `engineshed release` work with. */
export interface ReleaseDesk {
  readonly catalogs: Catalogs;
  readonly settings: ReleaseSettings;
  readonly targets: Targets;
  /** The place of the releases, for reading. */
  readonly place: Target;
}

/**
 * Runs `work` with the release settings of the project and the place of its releases.
 * @throws EngineshedError `CONFIG_INVALID` where no `[release]` is, and what `work` throws
 */
export async function withReleases<T>(
  host: Host,
  flags: NetworkFlags,
  report: Reporter,
  work: (desk: ReleaseDesk) => Promise<T>,
): Promise<T> {
  const catalogs = await openCatalogs(host, undefined);
  const settings = settingsOf(catalogs);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await work({
      catalogs,
      settings,
      targets,
      // A layout that is not there yet cannot be read.
      get place() {
        return targets.readable(settings.image);
      },
    });
  } finally {
    targets.close();
  }
}

/**
 * How an engine is released, as the catalogs tell.
 * @throws EngineshedError `CONFIG_INVALID` where none does
 */
export function settingsOf({ release }: Catalogs): ReleaseSettings {
  if (release !== undefined) return release;
  throw new EngineshedError('CONFIG_INVALID', 'No engineshed.toml here has a [release] table', {
    hint: 'It says what is released, and where: [release] with engine = "NAME" and image = "HOST/REPOSITORY".',
  });
}

/**
 * Runs `work` with a release; a whole reference is found by those too who have no `[release]`.
 * @throws EngineshedError as {@link withReleases} and {@link findRelease}, and what `work` throws
 */
export async function withRelease<T>(
  host: Host,
  flags: NetworkFlags,
  report: Reporter,
  text: string,
  work: (release: FoundRelease) => Promise<T>,
): Promise<T> {
  const catalogs = await openCatalogs(host, undefined);
  const asked = isWhole(text) ? parseImage(text) : parseRelease(settingsOf(catalogs), text);
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await work(await lookUp(host, targets, asked));
  } finally {
    targets.close();
  }
}

/** The engine that releases are composed of. */
export function releasedEngine({ catalogs, settings }: ReleaseDesk): EngineDefinition {
  return findEngine(catalogs, settings.engine);
}

/**
 * A channel by its name.
 * @throws EngineshedError `USAGE`
 */
export function findReleaseChannel({ channels }: ReleaseSettings, name: string): ReleaseChannel {
  const channel = channels.get(name);
  if (channel !== undefined) return channel;
  const names = [...channels.keys()];
  throw new EngineshedError('USAGE', `There is no channel "${name}"`, {
    hint:
      didYouMean(name, names) ??
      (names.length === 0
        ? 'Channels are in [release.channels]: stable = { tag = "latest", versions = "{version}" }.'
        : `There are: ${names.join(', ')}.`),
  });
}

/**
 * The reference that a command is given for a release: the name of a channel, a tag or a digest in the place of the releases, or a
 * whole reference.
 * @throws EngineshedError `REFERENCE_INVALID`, `USAGE`
 */
function parseRelease({ channels, image }: ReleaseSettings, text: string): Reference {
  if (isWhole(text)) return parseImage(text);
  if (isDigest(text)) return { ...image, digest: text };
  return { ...image, tag: channels.get(text)?.tag ?? parseTag(text) };
}

/** Whether what a command is given for a release is a whole reference. */
function isWhole(text: string): boolean {
  return text.includes('/') || namesPath(text);
}

/** A release that was looked up. */
export interface FoundRelease {
  /** Where it is, by digest. */
  readonly reference: Reference;
  readonly target: Target;
  readonly image: Image;
  readonly lock: EngineLock;
}

/**
 * Looks up a release.
 * @throws EngineshedError `REFERENCE_NOT_FOUND`, `MANIFEST_INVALID` for an image that is no release
 */
export async function findRelease(host: Host, desk: ReleaseDesk, text: string): Promise<FoundRelease> {
  return lookUp(host, desk.targets, parseRelease(desk.settings, text));
}

async function lookUp(host: Host, targets: Targets, asked: Reference): Promise<FoundRelease> {
  const target = targets.readable(asked);
  const descriptor = await resolveReference(target, asked);
  const image = await readImage(target, descriptor, nodePlatform(host.platform, host.architecture));
  const reference = { ...asked, tag: undefined, digest: image.descriptor.digest };
  return { reference, target, image, lock: readReleaseLock(image.manifest, formatReference(asked)) };
}

/** Whether an image is where the project's releases are. */
export function isReleasePlace({ image }: Pick<ReleaseSettings, 'image'>, reference: Reference): boolean {
  return reference.transport === 'registry'
    ? image.transport === 'registry' &&
        reference.registry === image.registry &&
        reference.repository === image.repository
    : image.transport === reference.transport && reference.path === image.path;
}

/**
 * Makes sure that a release is where the project's releases are, for its tags are there.
 * @throws EngineshedError `USAGE`
 */
export function refuseElsewhere({ settings, place }: ReleaseDesk, { reference }: FoundRelease): void {
  const { image } = settings;
  if (isReleasePlace(settings, reference)) return;
  throw new EngineshedError(
    'USAGE',
    `${formatReference(reference)} is not in ${place.label}, where the releases are`,
    {
      hint: `Copy it there first: engineshed copy ${formatReference(reference)} ${formatReference(image)}`,
    },
  );
}
