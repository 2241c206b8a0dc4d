import { membersOf, type ReleaseChannel } from '../catalog/index.js';
import { EngineshedError } from '../errors/index.js';
import { formatReference } from '../oci/index.js';
import { findLatestSigned, type PromotionSigning } from '../release/index.js';
import {
  admit,
  isEnough,
  keysOf,
  placeName,
  type ReadPolicy,
  repositoryName,
  type SigningKey,
  type TrustedKey,
  verifyImage,
  viewOf,
} from '../trust/index.js';
import { openTrustMemory } from './admission.js';
import type { Host } from './host.js';
import { readReleasePolicies, releasePolicies, requireCountingKey } from './policies.js';
import type { FoundRelease, ReleaseDesk } from './release.js';
import { openStore } from './runtime.js';
import { openSigningKey, type SigningFlags } from './signing-key.js';

/**
 * The key that steps of channels, or results of tests, are signed with, where one is given. Call it before progress is shown, for it may
 * ask on the terminal.
 * @throws EngineshedError as `openSigningKey` does
 */
export async function givenSigningKey(host: Host, flags: SigningFlags): Promise<SigningKey | undefined> {
  const isGiven =
    flags.key !== undefined || !['', undefined].includes(host.environment.ENGINESHED_SIGNING_KEY);
  return isGiven ? openSigningKey(host, flags) : undefined;
}

/** Who signs a step of a channel, and to whom it is proven. */
export interface ChannelSigning extends PromotionSigning {
  /** Whether a step that these of the keys signed is proven to all who follow the channel. */
  readonly isProofToAll: (signers: readonly TrustedKey[]) => boolean;
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
 * That the key which is to sign something about a release signed the release itself. To "cosign verify" any statement that a key signed is a
 * signature of the image: a key that says nothing of it but that a test failed would let it through there. Where policies are, they ask
 * for the image's signatures.
 * @param by what is to be signed, for the message
 * @throws EngineshedError as `verifyImage` does
 */
export async function requireOwnSignature(
  { reference, target, image }: FoundRelease,
  key: SigningKey,
  by: string,
): Promise<void> {
  await verifyImage(target.written ?? target, [image.descriptor], formatReference(reference), {
    keys: [key.public],
    threshold: 1,
    by,
  });
}

/**
 * Who signs a step of a channel, and what counts beside; undefined where a plain record is made.
 * @throws EngineshedError `SIGNATURE_MISSING` where a policy asks for signed channels and no key is given, and as {@link signingWith} does
 */
export async function signingOf(
  host: Host,
  desk: ReleaseDesk,
  channel: ReleaseChannel,
  key: SigningKey | undefined,
): Promise<PromotionSigning | undefined> {
  if (key !== undefined) return signingWith(host, desk, channel, key);
  const demanding = releasePolicies(desk).find((policy) => policy.channel);
  if (demanding === undefined) return undefined;
  throw new EngineshedError(
    'SIGNATURE_MISSING',
    `The policy "${demanding.name}" of ${demanding.file} asks for signed channels, and there is no key to sign ${channel.name} with`,
    { hint: 'Name it with --key, or set ENGINESHED_SIGNING_KEY.' },
  );
}

/**
 * The same with a key that is there.
 * @throws EngineshedError as `readReleasePolicies` and `requireCountingKey` do, and `STORE_CORRUPT` where it cannot be read what was seen
 * of the channel
 */
export async function signingWith(
  host: Host,
  desk: ReleaseDesk,
  channel: ReleaseChannel,
  key: SigningKey,
): Promise<ChannelSigning> {
  const read = await readReleasePolicies(desk);
  const asking = read.filter((policy) => policy.channel);
  requireCountingKey(key, asking.length > 0 ? asking : read, `the channel ${channel.name}`);
  const memory = await openTrustMemory(
    openStore(host, () => {}),
    'leave',
  );
  const place = { place: placeName(desk.settings.image), tag: channel.tag };
  const seen = asking.map((policy) => memory.seen(viewOf(place, policy))?.step ?? 0);
  const known = keysOf(read);
  const enough = (signers: readonly TrustedKey[]) => (policy: ReadPolicy) =>
    isEnough(policy, new Set(signers.map(({ id }) => id)));
  // One key of several proves nothing to those who ask for more, but to itself.
  const isProof = (signers: readonly TrustedKey[]) =>
    asking.length === 0 || signers.some(({ id }) => id === key.public.id) || asking.some(enough(signers));
  const latest = await latestSigned(desk, channel, { keys: [key.public, ...known], isProof });
  return {
    key,
    known,
    isProof,
    isProofToAll: (signers) => asking.every(enough(signers)),
    seen: Math.max(0, ...seen),
    latest,
  };
}

/** How many releases of a channel, the newest, are asked for its steps. */
const askedReleases = 10;

/** The highest step that is proven at the newest releases of a channel, wherever its tag is now. */
async function latestSigned(
  { settings, place }: ReleaseDesk,
  { name: channel, tag, versions }: ReleaseChannel,
  by: Pick<PromotionSigning, 'isProof'> & { readonly keys: readonly TrustedKey[] },
) {
  if (versions === undefined) return undefined;
  const tags: string[] = [];
  for await (const one of place.tags()) tags.push(one);
  const newest = membersOf(versions, tags).slice(0, askedReleases);
  return findLatestSigned(place, { channel, repository: repositoryName(settings.image), tag }, newest, by);
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
