import { readImageManifest, readManifest } from '../../content/index.js';
import { EngineshedError } from '../../errors/index.js';
import { type Inspection, inspectImage } from '../../look/index.js';
import { formatReference } from '../../oci/index.js';
import { readEngines } from '../../store/index.js';
import { openPaths } from '../engines.js';
import type { Host } from '../host.js';
import { type GivenImage, type ImageFlags, withImage } from '../images.js';
import { printInspection } from '../inspection.js';
import { printBytes, printJson } from '../output.js';
import { requiresOf } from '../requirements.js';

/** The flags of `engineshed inspect`. */
interface InspectFlags extends ImageFlags {
  readonly raw?: boolean;
  readonly json?: boolean;
}

/** Shows what a name of an image leads to. */
export async function inspect(this: Host, flags: InspectFlags, text: string): Promise<void> {
  if (flags.raw && flags.json) {
    throw new EngineshedError('USAGE', '--raw prints the very bytes, and no document of ours', {
      hint: 'Leave out --raw or --json.',
    });
  }
  if (flags.raw) {
    await printBytes(this, await withImage(this, flags, text, (image) => manifestBytes(image, flags)));
    return;
  }
  const { reference, inspection } = await withImage(this, flags, text, async (image) => ({
    reference: formatReference(image.reference),
    inspection: await inspectImage(image.target, image.descriptor, {
      platform: image.platform,
      unmatched: flags.platform === undefined ? 'leave out' : 'reject',
    }),
  }));
  const installed = installedIn(this, inspection);
  const requires = requiresOf(inspection.image?.annotations ?? {}) ?? null;
  if (flags.json) printJson(this, { reference, ...inspection, installed, requires });
  else printInspection(this, reference, inspection, installed, requires);
}

/** The very bytes of what the reference stands for or, with `--platform`, of the manifest for that. */
async function manifestBytes(
  { target, descriptor, platform }: GivenImage,
  flags: InspectFlags,
): Promise<Uint8Array> {
  if (flags.platform === undefined) return (await readManifest(target, descriptor)).bytes;
  return (await readImageManifest(target, descriptor, platform)).manifestBytes;
}

/** The engines, with the names of their sources, that the very image is a part of. */
function installedIn(host: Host, { image }: Inspection): { engine: string; source: string }[] {
  if (image === undefined) return [];
  return readEngines(openPaths(host), () => {}).flatMap(({ name, sources }) =>
    Object.entries(sources)
      .filter(([, source]) => source.kind !== 'directory' && source.manifest.digest === image.digest)
      .map(([source]) => ({ engine: name, source })),
  );
}
