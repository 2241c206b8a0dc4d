import { findEngine } from '../../catalog/index.js';
import { type CopyResult, copy, mapLimited, type Reporter, resolveReference } from '../../content/index.js';
import { EngineshedError, inOperation } from '../../errors/index.js';
import { formatReference, type RegistryReference } from '../../oci/index.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { formatBytes, printJson, printLine, withProgress } from '../output.js';
import { type NetworkFlags, openTargets, type Targets } from '../runtime.js';
import { alsoSent, nothingSent } from './copy.js';

/** How many images are mirrored at the same time. */
const concurrentImages = 4;

/** The flags of `engineshed mirror`. */
interface MirrorFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly referrers?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Way {
  readonly source: string;
  readonly from: RegistryReference;
  readonly to: RegistryReference;
}

interface Mirrored extends Way {
  readonly digest: string;
  readonly result: CopyResult;
}

/** Copies every image of an engine to another registry. */
export async function mirror(this: Host, flags: MirrorFlags, name: string, registry: string): Promise<void> {
  if (/[/:]/.test(name)) {
    throw new EngineshedError('USAGE', `"${name}" is no name of an engine, which is what is mirrored`, {
      hint: 'Write: engineshed mirror ENGINE REGISTRY. One image is copied with "engineshed copy".',
    });
  }
  const images = await withProgress(this, (report) => carryOut(this, flags, { name, registry }, report));
  const total = (key: keyof CopyResult) => images.reduce((sum, { result }) => sum + result[key], 0);
  const [sentBytes, presentBytes, referrers] = [
    total('sentBytes'),
    total('presentBytes'),
    total('referrers'),
  ];
  if (flags.json) {
    const documents = images.map(({ source, from, to, digest }) => ({
      source,
      from: formatReference(from),
      to: formatReference(to),
      digest,
    }));
    const dryRun = flags.dryRun ? { dryRun: true } : {};
    printJson(this, { ...dryRun, name, registry, images: documents, sentBytes, presentBytes, referrers });
    return;
  }
  for (const { from, to, digest } of images) {
    printLine(this, formatReference(from));
    printLine(this, `  ${flags.dryRun ? 'would be' : 'is'} ${formatReference(to)}`);
    printLine(this, `  ${digest}`);
  }
  if (!flags.dryRun)
    printLine(
      this,
      `${formatBytes(sentBytes)} sent, ${formatBytes(presentBytes)} there already${alsoSent(referrers)}`,
    );
}

async function carryOut(
  host: Host,
  flags: MirrorFlags,
  { name, registry }: { readonly name: string; readonly registry: string },
  report: Reporter,
): Promise<Mirrored[]> {
  const catalogs = await openCatalogs(host, undefined);
  const here = findEngine(catalogs, name);
  // Asking the catalogs as an install from there would is what keeps the two alike.
  const there = findEngine(await openCatalogs(host, registry), name);
  const ways = new Map<string, Way>();
  for (const [source, { kind }] of Object.entries(here.sources)) {
    const [from, to] = [here.sources[source], there.sources[source]];
    if (from?.kind === 'image' && to?.kind === 'image')
      ways.set(formatReference(from.reference), { source, from: from.reference, to: to.reference });
    else report({ type: 'warning', message: `the source ${source} is a ${kind} here, and stays so` });
  }
  if (ways.size === 0) {
    throw new EngineshedError(
      'USAGE',
      `The engine ${name} has no image in a registry that could be mirrored`,
      {
        hint: 'Publish its sources, or take the engine along in a file: engineshed export.',
      },
    );
  }
  const targets = openTargets(host, catalogs, flags, report);
  try {
    return await mapLimited([...ways.values()], concurrentImages, async (way) =>
      mirrorImage(targets, flags, way, report),
    );
  } finally {
    targets.close();
  }
}

async function mirrorImage(
  targets: Targets,
  flags: MirrorFlags,
  way: Way,
  report: Reporter,
): Promise<Mirrored> {
  const { source, from, to } = way;
  try {
    const origin = targets.readable(from);
    const root = await resolveReference(origin, from);
    if (flags.dryRun) return { ...way, digest: root.digest, result: nothingSent };
    // What is asked for by its digest only has no tag there either.
    const tags = to.tag === undefined ? (to.digest === undefined ? ['latest'] : []) : [to.tag];
    const options = { tags, referrers: flags.referrers ? 'bring' : 'leave', report } as const;
    const result = await targets.write(to, 'refuse', (target) => copy(origin, root, target, options));
    return { ...way, digest: root.digest, result };
  } catch (error) {
    throw inOperation(`source "${source}"`, error);
  }
}
