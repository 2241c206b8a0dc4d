import {
  type CopyResult,
  copy as copyImage,
  type Reporter,
  readImageManifest,
  resolveReference,
  type Target,
} from '../../content/index.js';
import { EngineshedError } from '../../errors/index.js';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  isIndexType,
  nodePlatform,
  parsePlatform,
  parseReference,
  parseTag,
  type Reference,
} from '../../oci/index.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { parseImage } from '../references.js';
import { type NetworkFlags, openTargets } from '../runtime.js';
import { count } from '../text.js';

/** The flags of `engineshed copy`. */
interface CopyFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly tag?: readonly string[];
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Copied extends CopyResult {
  /** What was copied: what FROM stands for, or the image for one platform in it. */
  readonly root: Descriptor;
  /** What FROM stands for. */
  readonly resolved: Descriptor;
}

/** Copies an image. */
export async function copy(this: Host, flags: CopyFlags, fromText: string, toText: string): Promise<void> {
  const from = parseImage(fromText);
  const to = parseImage(toText);
  if (to.digest !== undefined) {
    throw new EngineshedError('USAGE', `"${toText}" names a digest, which the copy has anyway`, {
      hint: 'Leave the digest out; tags are given with :TAG or --tag.',
    });
  }
  const tags = copyTags(from, to, flags.tag ?? []);
  const copied = await withProgress(this, (report) => carryOut(this, flags, { from, to, tags }, report));
  const references =
    tags.length > 0
      ? tags.map((tag) => formatReference({ ...to, tag }))
      : [formatReference({ ...to, digest: copied.root.digest })];
  const { root, resolved, sentBytes, presentBytes, referrers } = copied;
  if (flags.json) {
    const { digest, size, mediaType } = root;
    const source = { reference: formatReference(from), digest: resolved.digest };
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      from: source,
      references,
      digest,
      size,
      mediaType,
      sentBytes,
      presentBytes,
      referrers,
    });
    return;
  }
  printLine(this, `${flags.dryRun ? 'would be' : 'copied'} ${root.digest}`);
  for (const reference of references) printLine(this, `  ${reference}`);
  if (!flags.dryRun)
    printLine(
      this,
      `${formatBytes(sentBytes)} sent, ${formatBytes(presentBytes)} there already${alsoSent(referrers)}`,
    );
}

/** What a copy did that was none. */
export const nothingSent: CopyResult = { sentBytes: 0, presentBytes: 0, referrers: 0 };

/** The end of a sentence about what came along. */
export function alsoSent(referrers: number): string {
  if (referrers === 0) return '';
  return `, with ${count(referrers, 'referrer')}`;
}

async function carryOut(
  host: Host,
  flags: CopyFlags,
  { from, to, tags }: { from: Reference; to: Reference; tags: readonly string[] },
  report: Reporter,
): Promise<Copied> {
  const targets = openTargets(host, await openCatalogs(host, undefined), flags, report);
  try {
    const source = targets.readable(from);
    const resolved = await resolveReference(source, from);
    const root = await chooseRoot(host, flags, { source, resolved, to }, report);
    if (flags.dryRun) return { ...nothingSent, root, resolved };
    const options = { tags, referrers: flags.referrers ? 'bring' : 'leave', report } as const;
    const result = await targets.write(to, flags.replace ? 'replace' : 'refuse', (target) =>
      copyImage(source, root, target, options),
    );
    return { ...result, root, resolved };
  } finally {
    targets.close();
  }
}

/** The whole, unless one platform is asked for, or is all that the destination can hold. */
async function chooseRoot(
  host: Host,
  flags: CopyFlags,
  { source, resolved, to }: { source: Target; resolved: Descriptor; to: Reference },
  report: Reporter,
): Promise<Descriptor> {
  const isIndex = isIndexType(resolved.mediaType);
  if (!isIndex || (flags.platform === undefined && to.transport !== 'docker-archive')) return resolved;
  const platform =
    flags.platform === undefined
      ? nodePlatform(host.platform, host.architecture)
      : parsePlatform(flags.platform);
  const { descriptor } = await readImageManifest(source, resolved, platform);
  if (flags.platform === undefined) {
    report({
      type: 'warning',
      message: `a docker-archive holds one platform: of the index ${resolved.digest} it gets the image for ${formatPlatform(platform)}, ${descriptor.digest}`,
    });
  }
  return descriptor;
}

/** What TO says, or else what FROM says; a digest alone gives no tag. */
function copyTags(from: Reference, to: Reference, more: readonly string[]): string[] {
  const isDocker = to.transport === 'docker-archive';
  const named = more.map((text) => (isDocker ? dockerName(text) : parseTag(text)));
  const own = to.tag ?? (more.length > 0 ? undefined : inheritedTag(from, isDocker));
  return [...new Set([...(own === undefined ? [] : [own]), ...named])];
}

function inheritedTag(from: Reference, isDocker: boolean): string | undefined {
  if (from.transport === 'docker-archive') {
    if (isDocker || from.tag === undefined) return from.tag;
    return from.tag.slice(from.tag.lastIndexOf(':') + 1);
  }
  const tag = from.tag ?? (from.digest === undefined && from.transport === 'registry' ? 'latest' : undefined);
  if (!isDocker || tag === undefined) return tag;
  return from.transport === 'registry' ? `${from.registry}/${from.repository}:${tag}` : undefined;
}

function dockerName(text: string): string {
  const { tag } = parseReference(`docker-archive:FILE:${text}`);
  if (tag === undefined) throw new EngineshedError('INTERNAL', `The name ${text} has no tag`);
  return tag;
}
