import { engineLineage, enginesFrom, membersOf, type ReleaseChannel } from '../catalog/index.js';
import { EngineshedError } from '../errors/index.js';
import { formatReference } from '../oci/index.js';
import { findLatestSigned, type PromotionSigning } from '../release/index.js';
import {
  admit,
  placeName,
  policiesFor,
  readPolicyKeys,
  repositoryName,
  type SigningKey,
  type TrustedKey,
  type TrustPolicy,
} from '../trust/index.js';
import { openTrustMemory } from './admission.js';
import type { Host } from './host.js';
import type { FoundRelease, ReleaseDesk } from './release.js';
import { openStore } from './runtime.js';
import { openSigningKey, type SigningFlags } from './signing-key.js';

/**
 * The key that steps of channels are signed with, where one is given. Call it before progress is shown, for it may ask on the terminal.
 * @throws EngineshedError as `openSigningKey` does
 */
export async function givenSigningKey(host: Host, flags: SigningFlags): Promise<SigningKey | undefined> {
  const isGiven =
    flags.key !== undefined || !['', undefined].includes(host.environment.ENGINESHED_SIGNING_KEY);
  return isGiven ? openSigningKey(host, flags) : undefined;
}

/** The policies that are for the releases of a project: by the engine that they are made of, those that follow them, or the image. */
function releasePolicies({ catalogs, settings }: Pick<ReleaseDesk, 'catalogs' | 'settings'>): TrustPolicy[] {
  return policiesFor(catalogs.policies, {
    engines: [...engineLineage(catalogs, settings.engine), ...enginesFrom(catalogs, settings.image)],
    images: settings.image.transport === 'registry' ? [repositoryName(settings.image)] : [],
  });
}

/**
 * The keys of those policies, each once.
 * @throws EngineshedError as `readPolicyKeys` does
 */
export async function releaseKeys(desk: ReleaseDesk): Promise<TrustedKey[]> {
  const read = await Promise.all(releasePolicies(desk).map(readPolicyKeys));
  return [...new Map(read.flatMap(({ keys }) => keys.map((key) => [key.id, key]))).values()];
}

/**
 * Makes sure that a release has the signatures that its users will ask for.
 * @throws EngineshedError as `admit` does
 */
export async function requireSignatures(
  host: Host,
  desk: Pick<ReleaseDesk, 'catalogs' | 'settings'>,
  { reference, image, target }: FoundRelease,
): Promise<void> {
  await admit({
    candidates: [
      {
        reference: formatReference(reference),
        repository: repositoryName(reference),
        place: placeName(reference),
        images: [],
        engines: ['release'],
        tag: undefined,
        resolved: image.descriptor.digest,
        manifest: image.descriptor,
        target: () => target,
      },
    ],
    // They were chosen already.
    policies: releasePolicies(desk).map((policy) => ({ ...policy, engines: ['*'] })),
    memory: () =>
      openTrustMemory(
        openStore(host, () => {}),
        'leave',
      ),
    now: () => host.now(),
  });
}

/**
 * Who signs a step of a channel, and what counts beside.
 * @param key undefined where a plain record is made
 * @throws EngineshedError `SIGNATURE_MISSING` where a policy asks for signed channels and no key is given, and as {@link releaseKeys} does
 */
export async function signingOf(
  host: Host,
  desk: ReleaseDesk,
  channel: ReleaseChannel,
  key: SigningKey | undefined,
): Promise<PromotionSigning | undefined> {
  if (key === undefined) {
    const demanding = releasePolicies(desk).find((policy) => policy.channel);
    if (demanding === undefined) return undefined;
    throw new EngineshedError(
      'SIGNATURE_MISSING',
      `The policy "${demanding.name}" of ${demanding.file} asks for signed channels, and there is no key to sign ${channel.name} with`,
      { hint: 'Name it with --key, or set ENGINESHED_SIGNING_KEY.' },
    );
  }
  const memory = await openTrustMemory(
    openStore(host, () => {}),
    'leave',
  );
  const seen = memory.seen(placeName(desk.settings.image), channel.tag);
  const known = await releaseKeys(desk);
  const latest = await latestSigned(desk, channel, [key.public, ...known]);
  return { key, known, seen: seen?.step ?? 0, latest };
}

/** How many releases of a channel, the newest, are asked for its steps. */
const askedReleases = 10;

/** The highest step that is signed at the newest releases of a channel, wherever its tag is now. */
async function latestSigned(
  { settings, place }: ReleaseDesk,
  { name: channel, tag, versions }: ReleaseChannel,
  keys: readonly TrustedKey[],
) {
  if (versions === undefined) return undefined;
  const tags: string[] = [];
  for await (const one of place.tags()) tags.push(one);
  const newest = membersOf(versions, tags).slice(0, askedReleases);
  return findLatestSigned(place, { channel, repository: repositoryName(settings.image), tag }, newest, keys);
}

/** What of a step all commands that make one have in common. */
export function stepInputs(host: Host, { settings }: ReleaseDesk, { name, tag, validMs }: ReleaseChannel) {
  const now = host.now();
  return {
    channel: name,
    repository: repositoryName(settings.image),
    tag,
    time: now.toISOString(),
    expires: validMs === undefined ? undefined : new Date(now.getTime() + validMs).toISOString(),
  };
}
