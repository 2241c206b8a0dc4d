import { EngineshedError } from '../errors/index.js';
import type { Descriptor, Index, Platform } from './manifest.js';
import { isIndexType, isManifestType } from './media-types.js';

/** The platform that an image is wanted for: `os`, `architecture` and, where it matters, `variant`, as Go names them. */
export type WantedPlatform = Pick<Platform, 'os' | 'architecture' | 'variant'>;

const architectures: Record<string, string> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
};
const systems: Record<string, string> = { win32: 'windows', sunos: 'solaris' };

/** The platform of a Node process, from `process.platform` and `process.arch`, in Go's words as the specification asks. */
export function nodePlatform(platform: string, arch: string): WantedPlatform {
  return { os: systems[platform] ?? platform, architecture: architectures[arch] ?? arch };
}

/**
 * Parses `os/architecture[/variant]`.
 * @throws EngineshedError `USAGE`
 */
export function parsePlatform(text: string): WantedPlatform {
  const [, os, architecture, variant] =
    /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9._-]+))?$/.exec(text.toLowerCase()) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new EngineshedError('USAGE', `"${text}" is not a platform`, {
      hint: 'Write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, for instance linux/arm64.',
    });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: WantedPlatform): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part) => part !== undefined && part !== '')
    .join('/');
}

/**
 * Chooses the manifest of an index for a platform: an exact fit first, then one without a platform, then one for the same
 * architecture on Linux, then `linux/amd64`. The last two serve components, whose files mostly do not depend on the
 * platform: an image built on Linux is what every other platform is given too. Among equals the first wins, as the
 * image specification says.
 * @throws EngineshedError `PLATFORM_UNMATCHED`, with what there is
 */
export function choosePlatform(index: Index, wanted: WantedPlatform): Descriptor {
  const images = index.manifests.filter(
    (entry) =>
      (isManifestType(entry.mediaType) || isIndexType(entry.mediaType)) &&
      entry.annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
  );
  const fits = [
    (platform?: Platform) =>
      platform?.os === wanted.os &&
      platform.architecture === wanted.architecture &&
      normalVariant(platform) === normalVariant(wanted),
    (platform?: Platform) =>
      platform?.os === wanted.os &&
      platform.architecture === wanted.architecture &&
      wanted.variant === undefined,
    (platform?: Platform) => platform === undefined,
    (platform?: Platform) => platform?.os === 'linux' && platform.architecture === wanted.architecture,
    (platform?: Platform) => platform?.os === 'linux' && platform.architecture === 'amd64',
  ];
  for (const matches of fits) {
    const found = images.find((entry) => matches(entry.platform));
    if (found !== undefined) return found;
  }
  const offered = images.map((entry) => (entry.platform ? formatPlatform(entry.platform) : 'any')).join(', ');
  throw new EngineshedError(
    'PLATFORM_UNMATCHED',
    `No image for ${formatPlatform(wanted)}; there is: ${offered || 'none'}`,
    { details: { expected: formatPlatform(wanted), actual: offered } },
  );
}

/** arm64 without a variant is v8, arm without one is v7 (image specification, "Platform Variants"). */
function normalVariant(platform: WantedPlatform): string {
  if (platform.variant !== undefined && platform.variant !== '') return platform.variant;
  return platform.architecture === 'arm64' ? 'v8' : platform.architecture === 'arm' ? 'v7' : '';
}
