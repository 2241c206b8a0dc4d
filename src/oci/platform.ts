import { EngineshedError } from '../errors/index.js';
import type { Descriptor, Index, Platform } from './manifest.js';
import { isIndexType, isManifestType } from './media-types.js';

/**
 * The platform that an image is wanted for: `os`, `architecture` and, where they matter, `variant` and the version of Windows,
 * as Go names them.
 */
export type WantedPlatform = Pick<Platform, 'os' | 'architecture' | 'variant' | 'os.version'>;

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

/** What people and machines call an architecture or a system otherwise than Go. */
const aliases: Record<string, string> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  i686: '386',
  macos: 'darwin',
};
/** The variant of an architecture that states none (image specification, "Platform Variants"). */
const plainVariants: Record<string, string> = { amd64: 'v1', arm: 'v7', arm64: 'v8' };
/** The other architectures that a machine runs, best first. */
const alsoRuns: Record<string, readonly { readonly architecture: string; readonly variant?: string }[]> = {
  arm64: [{ architecture: 'arm', variant: 'v8' }],
  amd64: [{ architecture: '386' }],
};

/**
 * Parses `OS/ARCHITECTURE[/VARIANT]`, with the usual other names of architectures.
 * @throws EngineshedError `USAGE`
 */
export function parsePlatform(text: string): WantedPlatform {
  const match = /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/([a-z0-9.]+))?$/i.exec(text);
  const [, os = '', architecture = '', variant] = (match ?? []).map((part) => part?.toLowerCase());
  if (match === null) {
    throw new EngineshedError('USAGE', `"${text}" is no platform`, {
      hint: 'Write OS/ARCHITECTURE[/VARIANT] as Go names them, for instance linux/amd64, linux/arm/v7 or windows/amd64.',
    });
  }
  const platform = { os: aliases[os] ?? os, architecture: aliases[architecture] ?? architecture };
  return variant === undefined || variant === plainVariants[platform.architecture]
    ? platform
    : { ...platform, variant };
}

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: WantedPlatform): string {
  return [platform.os, platform.architecture, platform.variant]
    .filter((part) => part !== undefined && part !== '')
    .join('/');
}

/** The name that `process.platform` has for an operating system of Go's. */
export function nodeSystem(os: string): string {
  return Object.entries(systems).find(([, other]) => other === os)?.[0] ?? os;
}

/**
 * The images of an index, without what only looks like one: attestation manifests, and what states an unknown platform, as
 * build tools add it.
 */
export function imagesOf(index: Index): Descriptor[] {
  return index.manifests.filter(
    ({ mediaType, platform, annotations }) =>
      (isManifestType(mediaType) || isIndexType(mediaType)) &&
      annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest' &&
      !(platform?.os === 'unknown' && platform.architecture === 'unknown'),
  );
}

/**
 * Chooses the image of an index for a platform (image specification, "Image Index" and "Platform Variants"). What fits, best
 * first:
 *
 * 1. its operating system and architecture; of variants the exact one, then the nearest lower one (arm: v7, v6, v5), as
 *    containerd does; where none is asked for, any, the plain one first
 * 2. another architecture that its machines run
 * 3. an image that states no platform
 * 4. the same on Linux, then `linux/amd64`: components mostly are files that do not depend on the platform, and an image that
 *    was built on Linux is what every other platform is given too
 *
 * Of those that fit equally well, one that asks for no features of the operating system comes first, then one for the wanted
 * version of it, then the first.
 * @throws EngineshedError `PLATFORM_UNMATCHED`, with what there is
 */
export function choosePlatform(index: Index, wanted: WantedPlatform): Descriptor {
  const images = imagesOf(index);
  let best: { readonly image: Descriptor; readonly rank: number } | undefined;
  for (const image of images) {
    const rank = rankOf(image.platform, wanted);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { image, rank };
  }
  if (best !== undefined) return best.image;
  const offered = images.map((entry) => (entry.platform ? formatPlatform(entry.platform) : 'any')).join(', ');
  throw new EngineshedError(
    'PLATFORM_UNMATCHED',
    `No image for ${formatPlatform(wanted)}; there is: ${offered || 'none'}`,
    { details: { expected: formatPlatform(wanted), actual: offered } },
  );
}

/** How well a platform fits, less is better; undefined where it does not. */
function rankOf(platform: Platform | undefined, wanted: WantedPlatform): number | undefined {
  if (platform === undefined) return 2 * ruleStep;
  const isSystem = platform.os === wanted.os;
  const isLinux = platform.os === 'linux';
  const rules = [
    isSystem ? variantRank(platform, wanted) : undefined,
    isSystem ? otherArchitectureRank(platform, wanted) : undefined,
    undefined,
    isLinux ? variantRank(platform, wanted) : undefined,
    isLinux && platform.architecture === 'amd64' ? 0 : undefined,
  ];
  const rule = rules.findIndex((rank) => rank !== undefined);
  if (rule < 0) return undefined;
  const features = (platform['os.features'] ?? []).length > 0 ? 2 : 0;
  const version = versionFits(platform, wanted) ? 0 : 1;
  return rule * ruleStep + (rules[rule] ?? 0) * 4 + features + version;
}

/** The distance between the ranks of two rules: more than all that decides within one. */
const ruleStep = 1_000_000;

/** The rank of a variant that nobody asked for. */
const anyVariant = 50_000;

/** How far a variant is below the wanted one. */
function variantRank(platform: Platform, wanted: WantedPlatform): number | undefined {
  if (platform.architecture !== wanted.architecture) return undefined;
  const has = variantNumber(platform);
  const wants = variantNumber(wanted);
  if (has === wants) return 0;
  if (has === undefined || wants === undefined) return wanted.variant === undefined ? anyVariant : undefined;
  if (has < wants) return wants - has;
  return wanted.variant === undefined ? anyVariant : undefined;
}

function otherArchitectureRank(platform: Platform, wanted: WantedPlatform): number | undefined {
  for (const also of alsoRuns[wanted.architecture] ?? []) {
    const rank = variantRank(platform, { os: wanted.os, ...also });
    if (rank !== undefined) return rank;
  }
  return undefined;
}

/** `v8.1` as 801; undefined for a variant that is no number. */
function variantNumber({ architecture, variant }: WantedPlatform): number | undefined {
  const text = variant || plainVariants[architecture] || 'v0';
  const match = /^v?(\d{1,2})(?:\.(\d{1,2}))?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 100 + Number(match[2] ?? 0);
}

/** Windows images are for one build of it: `10.0.20348` of `10.0.20348.1487`. */
function versionFits(platform: Platform, wanted: WantedPlatform): boolean {
  const has = platform['os.version'];
  const wants = wanted['os.version'];
  if (has === undefined || wants === undefined) return true;
  return has.split('.').slice(0, 3).join('.') === wants.split('.').slice(0, 3).join('.');
}
