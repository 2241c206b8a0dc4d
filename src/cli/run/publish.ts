import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Catalogs, engineFollowing, readComponent } from '../../catalog/index.js';
import type { Reporter } from '../../content/index.js';
import { withoutLogins } from '../../credentials/index.js';
import { EngineshedError } from '../../errors/index.js';
import { ownerOf } from '../../files/index.js';
import { formatPlatform, formatReference, parsePlatform, parseTag, type Reference } from '../../oci/index.js';
import {
  featureOf,
  featureTag,
  gitTags,
  type PackedImage,
  type PublishInputs,
  packImage,
  publish as publishImage,
  readCheckout,
  readPipeline,
  refuseReleaseTags,
  statedPlatform,
  withStage,
} from '../../publish/index.js';
import { formatRequirements, requiresAnnotation } from '../../requirements/index.js';
import { parseAnnotations, sourceDateEpoch } from '../annotations.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { parseImage } from '../references.js';
import { openTargets } from '../runtime.js';
import { count } from '../text.js';

/** The flags of `engineshed publish`. */
interface PublishFlags {
  readonly tag?: readonly string[];
  readonly gitTags?: boolean;
  readonly branchTag?: boolean;
  readonly annotation?: readonly string[];
  readonly platform?: string;
  readonly compression?: 'gzip' | 'zstd';
  readonly keepExternalLinks?: boolean;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly plainHttp?: readonly string[];
  readonly json?: boolean;
}

/** Publishes a directory. */
export async function publish(
  this: Host,
  flags: PublishFlags,
  directory: string,
  destination: string,
): Promise<void> {
  const reference = parseImage(destination);
  if (reference.digest !== undefined) {
    throw new EngineshedError('USAGE', `"${destination}" names a digest, which only the content decides`, {
      hint: 'Leave the digest out; tags are given with :TAG or --tag.',
    });
  }
  if (reference.transport === 'docker-archive') {
    throw new EngineshedError('USAGE', 'Images are published to registries, image layouts and OCI archives', {
      hint: 'Publish to oci-archive:FILE:TAG, and make a docker-archive of it with "engineshed copy".',
    });
  }
  const { image, tags } = await withProgress(this, async (report) => {
    const catalogs = await openCatalogs(this, undefined);
    const inputs = await readInputs(this, flags, resolve(this.directory, directory), report);
    const tags = imageTags(this, flags, catalogs, reference, inputs);
    const image = flags.dryRun
      ? await packOnly(this, inputs)
      : await push(this, flags, catalogs, inputs, reference, tags);
    return { image, tags };
  });
  const references = tags.map((tag) => formatReference({ ...reference, tag }));
  if (flags.json) {
    const { manifest, layer, diffId, entries, contentBytes, annotations, platform } = image;
    const { digest, size } = manifest;
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      references,
      digest,
      size,
      layer: { digest: layer.digest, size: layer.size, diffId },
      entries,
      contentBytes,
      annotations,
      platform: formatPlatform(platform),
      pushed: !flags.dryRun,
    });
    return;
  }
  printLine(
    this,
    `${count(image.entries, 'entry', 'entries')}, ${formatBytes(image.contentBytes)}, packed into ${formatBytes(image.layer.size)}`,
  );
  printLine(this, `${flags.dryRun ? 'would be' : 'published as'} ${image.manifest.digest}`);
  for (const published of references) printLine(this, `  ${published}`);
}

async function readInputs(
  host: Host,
  flags: PublishFlags,
  directory: string,
  report: Reporter,
): Promise<PublishInputs> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new EngineshedError('PATH_NOT_FOUND', `There is no directory ${directory} to publish`, {
      details: { path: directory },
    });
  }
  const checkout = await readCheckout(directory, {
    environment: withoutLogins(host.environment),
    userId: host.userId,
  });
  if (checkout?.dirty) {
    report({
      type: 'warning',
      message: `${directory} has uncommitted changes; its revision is marked "-dirty"`,
    });
  }
  return {
    directory,
    checkout,
    feature: flags.branchTag ? featureOf(checkout, readPipeline(host.environment)) : undefined,
    annotations: { ...(await requiresAnnotations(directory)), ...parseAnnotations(flags.annotation ?? []) },
    sourceDateEpoch: sourceDateEpoch(host),
    platform: flags.platform === undefined ? statedPlatform : parsePlatform(flags.platform),
    compression: flags.compression,
    externalLinks: flags.keepExternalLinks ? 'inert' : 'reject',
    report,
  };
}

/** What the component says that it needs is told by its image, so that nobody has to fetch the layer for it. */
async function requiresAnnotations(directory: string): Promise<Record<string, string>> {
  const { requires } = await readComponent(directory);
  return requires.length === 0 ? {} : { [requiresAnnotation]: formatRequirements(requires) };
}

function imageTags(
  host: Host,
  flags: PublishFlags,
  catalogs: Catalogs,
  reference: Reference,
  { checkout, feature }: PublishInputs,
): string[] {
  if (flags.gitTags && checkout === undefined) {
    throw new EngineshedError('USAGE', '--git-tags needs a git checkout with a commit, and git', {
      hint: 'Name the tags with --tag instead.',
    });
  }
  if (flags.branchTag && feature === undefined) {
    throw new EngineshedError(
      'USAGE',
      'Neither git nor the pipeline tells which branch or pull request this is',
      {
        hint: 'Set ENGINESHED_BRANCH or ENGINESHED_PULL_REQUEST, or check out a branch.',
      },
    );
  }
  const named = [...(reference.tag === undefined ? [] : [reference.tag]), ...(flags.tag ?? []).map(parseTag)];
  if (feature !== undefined) refuseReleaseTags(named, feature, (tag) => engineFollowing(catalogs, tag));
  const known = featureOf(checkout, readPipeline(host.environment));
  const derived = flags.gitTags && checkout !== undefined ? gitTags(checkout, known) : [];
  const tags = [...new Set([...named, ...derived, ...(feature === undefined ? [] : [featureTag(feature)])])];
  return tags.length === 0 ? ['latest'] : tags;
}

async function push(
  host: Host,
  flags: PublishFlags,
  catalogs: Catalogs,
  inputs: PublishInputs,
  reference: Reference,
  tags: readonly string[],
): Promise<PackedImage> {
  if (reference.transport !== 'oci') refuseInside(inputs.directory, host.temporary);
  if (reference.transport !== 'registry')
    refuseInside(inputs.directory, resolve(host.directory, reference.path));
  const targets = openTargets(host, catalogs, flags, inputs.report);
  try {
    const options = { tags, temporary: host.temporary, owner: ownerOf(host.pid) };
    const ifPresent = flags.replace ? 'replace' : 'refuse';
    return await targets.write(reference, ifPresent, (target) => publishImage(inputs, target, options));
  } finally {
    targets.close();
  }
}

async function packOnly(host: Host, inputs: PublishInputs): Promise<PackedImage> {
  refuseInside(inputs.directory, host.temporary);
  return withStage(host.temporary, ownerOf(host.pid), (stage) => packImage(stage, inputs));
}

/** What is written while a directory is packed would become content of it. */
function refuseInside(directory: string, place: string): void {
  const way = relative(realpathSync(directory), realPathOf(place));
  if (isAbsolute(way) || way === '..' || way.startsWith(`..${sep}`)) return;
  throw new EngineshedError('USAGE', `${place} is inside of ${directory}, which is to be published`, {
    hint: 'Publish to an image layout elsewhere, or from a directory of its own (for temporary files set TMPDIR).',
    details: { path: place },
  });
}

/** The real path that a path will have once it exists. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return join(realPathOf(dirname(path)), basename(path));
  }
}
