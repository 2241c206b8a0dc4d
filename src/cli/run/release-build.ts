import { resolve } from 'node:path';
import { copy, type Layout, type Reporter, readImage, type Target } from '../../content/index.js';
import {
  atDigests,
  type EngineDefinition,
  type EngineLock,
  lockDifferences,
  lockForPlatform,
  resolveEngine,
} from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import { ownerOf } from '../../files/index.js';
import { type Descriptor, formatReference, type Reference } from '../../oci/index.js';
import { withStage } from '../../publish/index.js';
import {
  attachSbom,
  type ComposedRelease,
  composeRelease,
  type ReleaseForm,
  releaseComponents,
  releaseLock,
  releaseName,
  releasePlatform,
  releaseSbom,
} from '../../release/index.js';
import { rememberingTarget, withSources } from '../../store/index.js';
import { admitLock } from '../admission.js';
import { isDirectory } from '../directories.js';
import type { Host } from '../host.js';
import { readLock } from '../lock-file.js';
import { printJson, printLine, withProgress } from '../output.js';
import { imageSource } from '../project.js';
import { type ReleaseDesk, releasedEngine, withReleases } from '../release.js';
import { type NetworkFlags, openStore } from '../runtime.js';

/** The flags of `engineshed release build`. */
interface BuildFlags extends Pick<NetworkFlags, 'plainHttp'> {
  readonly squash?: boolean;
  readonly lock?: string;
  readonly tag?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Built {
  readonly release: ComposedRelease;
  readonly tags: readonly string[];
  readonly image: Reference;
  /** The bill of materials. */
  readonly sbom: Descriptor;
  readonly sentBytes: number;
  readonly presentBytes: number;
}

/** Composes a release. */
export async function releaseBuild(this: Host, flags: BuildFlags): Promise<void> {
  const built = await withProgress(this, (report) =>
    withReleases(this, flags, report, (desk) => build(this, flags, desk, report)),
  );
  const { release, image, tags, sbom, sentBytes, presentBytes } = built;
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
      sbom: { digest: sbom.digest, size: sbom.size },
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
  printLine(this, `${flags.dryRun ? 'would attach' : 'attached'} its bill of materials ${sbom.digest}`);
}

async function build(host: Host, flags: BuildFlags, desk: ReleaseDesk, report: Reporter): Promise<Built> {
  const { settings, targets } = desk;
  const engine = releasedEngine(desk);
  const given =
    flags.lock === undefined ? undefined : lockOf(host, engine, resolve(host.directory, flags.lock));
  const wanted = given === undefined ? engine : atDigests(engine, given);
  const { sources } = wanted;
  const store = openStore(host, report);
  const remembered = new Map();
  const target = ({ reference }: { readonly reference: Reference }) =>
    rememberingTarget(store, targets.readable(reference), remembered);
  // Not this machine's: the same components are the same release wherever it is built.
  const options = { target, platform: releasePlatform, directoryExists: isDirectory, report };
  const found = await resolveEngine(wanted, options);
  const resolved = given === undefined ? found : lockForPlatform(given, found);
  const lock = releaseLock(resolved, releaseName(settings.image));
  const content = (name: string) => {
    const source = sources[name];
    if (source === undefined || source.kind === 'directory')
      throw new EngineshedError('INTERNAL', `The source ${name} has no layers to fetch`);
    return target(source);
  };
  const admission = await admitLock(host, {
    catalogs: desk.catalogs,
    store,
    lock: resolved,
    followed: () => given === undefined,
    target: (name) => targets.readable(imageSource(wanted, name).reference),
    remembered,
    keeping: flags.dryRun ? 'leave' : 'keep',
  });
  const form: ReleaseForm = flags.squash ? 'squashed' : 'layers';
  return withStage(host.temporary, ownerOf(host.pid), (stage) =>
    withSources(
      store,
      `release build ${settings.engine}`,
      resolved,
      { content, admission },
      async (directories) => {
        const release = await composeRelease(stage, { lock, directories, form, report });
        const tags = [candidateTag(release), ...(flags.tag ?? [])];
        const image = settings.image;
        const composed = await readImage(stage, release.manifest, releasePlatform);
        const sbom = await releaseSbom(stage, composed, lock, () => {});
        const built = { release, tags, image, sbom: sbom.descriptor };
        if (flags.dryRun) return { ...built, sentBytes: 0, presentBytes: 0 };
        const push = async (to: Layout | Target) => {
          const subject = release.manifest;
          const sent = await copy(stage, subject, to, { tags: [], report });
          await attachSbom(to, sbom, { subject, name: lock.name, created: release.created });
          // Whoever finds the release by its tag finds all that belongs to it.
          for (const tag of tags) await to.tag(subject, tag);
          return sent;
        };
        return { ...built, ...(await targets.write(image, 'refuse', push)) };
      },
    ),
  );
}

/**
 * The lock of the engine, which has to be what the engine asks for.
 * @throws EngineshedError `PATH_NOT_FOUND`, `LOCK_OUTDATED`, `LOCK_INVALID`
 */
function lockOf(host: Host, engine: EngineDefinition, path: string): EngineLock {
  const lock = readLock(host, path);
  if (lock === undefined)
    throw new EngineshedError('PATH_NOT_FOUND', `There is no file ${path}`, { details: { path } });
  const differences = lockDifferences(engine, lock);
  if (differences.length === 0) return lock;
  throw new EngineshedError(
    'LOCK_OUTDATED',
    `${path} is not of the engine ${engine.name}: ${differences.join('; ')}`,
    {
      hint: 'Write it with "engineshed lock", in a project that pins the engine.',
      details: { path },
    },
  );
}

/** Without a tag registries may take an image for forgotten; this one says nothing but what it is. */
function candidateTag({ manifest }: ComposedRelease): string {
  return `build-${manifest.digest.slice(manifest.digest.indexOf(':') + 1).slice(0, 12)}`;
}
