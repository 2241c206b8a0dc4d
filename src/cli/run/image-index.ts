import { resolveReference } from '../../content/index.js';
import { EngineshedError } from '../../errors/index.js';
import { formatPlatform, formatReference, parseTag } from '../../oci/index.js';
import { type IndexSource, planIndex, publishIndex } from '../../publish/index.js';
import { parseAnnotations } from '../annotations.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { parseImage } from '../references.js';
import { type NetworkFlags, openTargets } from '../runtime.js';

/** The flags of `engineshed index`. */
interface IndexFlags extends NetworkFlags {
  readonly tag?: readonly string[];
  readonly annotation?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Publishes one index over images for several platforms. */
export async function index(
  this: Host,
  flags: IndexFlags,
  destination: string,
  ...images: string[]
): Promise<void> {
  const reference = parseImage(destination);
  if (reference.digest !== undefined) {
    throw new EngineshedError('USAGE', `"${destination}" names a digest, which only the images decide`, {
      hint: 'Leave the digest out; tags are given with :TAG or --tag.',
    });
  }
  const named = [...(reference.tag === undefined ? [] : [reference.tag]), ...(flags.tag ?? []).map(parseTag)];
  const tags = named.length === 0 ? ['latest'] : [...new Set(named)];
  const from = images.map((text) => ({ label: text, reference: parseImage(text) }));
  const catalogs = await openCatalogs(this, undefined);
  const published = await withProgress(this, async (report) => {
    const targets = openTargets(this, catalogs, flags, report);
    try {
      const sources: IndexSource[] = [];
      for (const { label, reference } of from) {
        const target = targets.readable(reference);
        sources.push({ label, target, descriptor: await resolveReference(target, reference) });
      }
      const annotations = parseAnnotations(flags.annotation ?? []);
      const inputs = { sources, tags, annotations, report };
      if (flags.dryRun) return await planIndex(inputs);
      return await targets.write(reference, 'refuse', (target) => publishIndex(target, inputs));
    } finally {
      targets.close();
    }
  });
  const references = tags.map((tag) => formatReference({ ...reference, tag }));
  const listed = published.images.map(({ digest, size, platform }) => ({
    platform: platform === undefined ? null : formatPlatform(platform),
    digest,
    size,
  }));
  if (flags.json) {
    const { digest, size } = published.index;
    const dryRun = flags.dryRun ? { dryRun: true } : {};
    const { annotations } = published;
    printJson(this, { ...dryRun, references, digest, size, images: listed, annotations });
    return;
  }
  for (const { platform, digest } of listed) printLine(this, `${platform}  ${digest}`);
  printLine(this, `${flags.dryRun ? 'would be' : 'published as'} ${published.index.digest}`);
  for (const written of references) printLine(this, `  ${written}`);
}
