import { copy, type Layout, type Reporter, type Target } from '../../content/index.js';
import { resolveEngine } from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import { ownerOf } from '../../files/index.js';
import { formatReference, nodePlatform, type Reference } from '../../oci/index.js';
import { withStage } from '../../publish/index.js';
import {
  type ComposedRelease,
  composeRelease,
  type ReleaseForm,
  releaseComponents,
  releaseLock,
  releaseName,
} from '../../release/index.js';
import { rememberingTarget, withSources } from '../../store/index.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { printJson, printLine, withProgress } from '../output.js';
import { type ReleaseDesk, releasedEngine, withReleases } from '../release.js';
import { type NetworkFlags, openStore } from '../runtime.js';

/** The flags of `engineshed release build`. */
interface BuildFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly squash?: boolean;
  readonly tag?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Built {
  readonly release: ComposedRelease;
  readonly tags: readonly string[];
  readonly image: Reference;
  readonly sentBytes: number;
  readonly presentBytes: number;
}

/** Composes a release. */
export async function releaseBuild(this: Host, flags: BuildFlags): Promise<void> {
  const built = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => build(this, flags, desk, report)),
  );
  const { release, image, tags, sentBytes, presentBytes } = built;
  const { manifest, lock, layers, created } = release;
  const reference = formatReference({ ...image, tag: undefined, digest: manifest.digest });
  const references = tags.map((tag) => formatReference({ ...image, tag }));
  if (flags.json) {
    printJson(this, {
      ...(flags.dryRun ? { dryRun: true } : {}),
      reference,
      references,
      digest: manifest.digest,
      size: manifest.size,
      created: created ?? null,
      components: releaseComponents(lock).map((component) => ({
        ...component,
        revision: component.revision ?? null,
        version: component.version ?? null,
      })),
      layers: layers.map(({ source, descriptor, diffId }) => ({
        source: source ?? null,
        digest: descriptor.digest,
        size: descriptor.size,
        diffId,
      })),
      sentBytes,
      presentBytes,
      pushed: !flags.dryRun,
    });
    return;
  }
  for (const { source, manifest: of, revision, version } of releaseComponents(lock)) {
    const what = [version, revision?.slice(0, 12)].filter((text) => text !== undefined).join(' ');
    printLine(this, `${source}  ${of.slice(0, 19)}  ${what}`.trimEnd());
  }
  printLine(this, `${flags.dryRun ? 'would be' : 'built'} ${reference}`);
  for (const text of references) printLine(this, `  ${text}`);
}

async function build(host: Host, flags: BuildFlags, desk: ReleaseDesk, report: Reporter): Promise<Built> {
  const { settings, targets } = desk;
  const { sources, ...definition } = releasedEngine(desk);
  const store = openStore(host, report);
  const remembered = new Map();
  const target = ({ reference }: { readonly reference: Reference }) =>
    rememberingTarget(store, targets.readable(reference), remembered);
  const resolved = await resolveEngine(
    { ...definition, sources },
    {
      target,
      platform: nodePlatform(host.platform, host.architecture),
      directoryExists: isDirectory,
      report,
    },
  );
  const lock = releaseLock(resolved, releaseName(settings.image));
  const content = (name: string) => {
    const source = sources[name];
    if (source === undefined || source.kind === 'directory')
      throw new EngineshedError('INTERNAL', `The source ${name} has no layers to fetch`);
    return target(source);
  };
  const form: ReleaseForm = flags.squash ? 'squashed' : 'layers';
  return withStage(host.temporary, ownerOf(host.pid), (stage) =>
    withSources(store, `release build ${settings.engine}`, resolved, content, async (directories) => {
      const release = await composeRelease(stage, { lock, directories, form, report });
      const tags = [candidateTag(release), ...(flags.tag ?? [])];
      const image = settings.image;
      if (flags.dryRun) return { release, tags, image, sentBytes: 0, presentBytes: 0 };
      const push = (to: Layout | Target) => copy(stage, release.manifest, to, { tags, report });
      return { release, tags, image, ...(await targets.write(image, 'refuse', push)) };
    }),
  );
}

/** Without a tag registries may take an image for forgotten; this one says nothing but what it is. */
function candidateTag({ manifest }: ComposedRelease): string {
  return `build-${manifest.digest.slice(manifest.digest.indexOf(':') + 1).slice(0, 12)}`;
}
