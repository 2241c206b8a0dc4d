import { streamOf, type Target } from '../content/index.js';
import type { EngineDefinition } from '../engine/index.js';
import { EngineshedError, isEngineshedError } from '../errors/index.js';
import {
  type Descriptor,
  type Digest,
  formatReference,
  isDigest,
  type RegistryReference,
  wantedOf,
} from '../oci/index.js';
import { describeManifest, readStored, readStoredBytes } from './content.js';
import type { InstallPlan } from './plan.js';
import { readEngines } from './record.js';
import type { Store } from './store.js';

/**
 * What the store knows of a repository, in place of asking its registry. A tag stands for what it stood for when an engine
 * that is installed was resolved, the latest where several were. Manifests and configs are the store's; layers are not kept
 * as they came and cannot be read.
 *
 * Everything else ends with `OFFLINE`, and so does what the store lacks.
 */
export function offlineTarget(store: Store, reference: RegistryReference): Target {
  const label = `${reference.registry}/${reference.repository}`;
  return {
    label,
    async resolve(wanted) {
      const digest = isDigest(wanted)
        ? wanted
        : (reference.digest ?? lastResolved(store, { ...reference, tag: wanted }));
      const found = digest === undefined ? undefined : describeStored(store, digest);
      if (found !== undefined) return found;
      throw offline(
        `The store does not know ${isDigest(wanted) ? `${label}@${wanted}` : `${label}:${wanted}`}`,
        label,
      );
    },
    async fetch(descriptor) {
      const bytes = readStored(store, descriptor);
      if (bytes !== undefined) return streamOf(bytes);
      throw offline(`The store does not have ${descriptor.digest} of ${label}`, label);
    },
    async exists(descriptor) {
      return readStored(store, descriptor) !== undefined;
    },
    async push() {
      throw offline(`Nothing can be pushed to ${label}`, label);
    },
    async tag() {
      throw offline(`Nothing can be tagged in ${label}`, label);
    },
    // biome-ignore lint/correctness/useYield: there is nothing to yield
    async *tags() {
      throw offline(`The tags of ${label} cannot be listed`, label);
    },
    // biome-ignore lint/correctness/useYield: there is nothing to yield
    async *referrers() {
      throw offline(`What refers to images of ${label} cannot be listed`, label);
    },
  };
}

/**
 * Ends an offline install before it begins, where the store lacks what the references of an engine stand for; with all of
 * them, and not just the first.
 * @throws EngineshedError `OFFLINE`
 */
export async function refuseUnknown(store: Store, engine: EngineDefinition): Promise<void> {
  const unknown: string[] = [];
  for (const [name, source] of Object.entries(engine.sources)) {
    if (source.kind !== 'image') continue;
    try {
      await offlineTarget(store, source.reference).resolve(wantedOf(source.reference));
    } catch (error) {
      if (!isEngineshedError(error, 'OFFLINE')) throw error;
      unknown.push(`${name} (${formatReference(source.reference)})`);
    }
  }
  refuseMissing(engine.name, unknown);
}

/**
 * Ends what looks for something newer without the network: what a tag stands for now only its registry knows. Image layouts,
 * directories and digests are no reason.
 * @param moving the names of the sources that are looked at
 * @throws EngineshedError `OFFLINE`, with all of them
 */
export function refuseLookingForNewer(engine: EngineDefinition, moving: readonly string[]): void {
  const asked = moving.flatMap((name) => {
    const source = engine.sources[name];
    const isMoving = source?.kind === 'image' && source.reference.digest === undefined;
    return isMoving ? [`${name} (${formatReference(source.reference)})`] : [];
  });
  if (asked.length === 0) return;
  throw new EngineshedError(
    'OFFLINE',
    `What ${engine.name} is now cannot be told without the network: the registries would have to be asked for ${asked.join(', ')}`,
    {
      hint: 'Leave out --offline, and unset ENGINESHED_OFFLINE. What the store has is installed by: engineshed install --offline',
    },
  );
}

/**
 * Ends an offline install before it begins, where the store lacks layers that would have to come from a registry.
 * @throws EngineshedError `OFFLINE`
 */
export function refuseFetching({ fetch, lock }: InstallPlan): void {
  const layers = fetch.filter(({ source }) => lock.sources[source]?.kind === 'image');
  refuseMissing(
    lock.name,
    layers.map(
      ({ source, descriptor }) => `${source} (layer ${descriptor.digest}, ${descriptor.size} bytes)`,
    ),
  );
}

function refuseMissing(engine: string, missing: readonly string[]): void {
  if (missing.length === 0) return;
  throw new EngineshedError(
    'OFFLINE',
    `The engine ${engine} cannot be installed without the network: the store lacks ${missing.join(', ')}`,
    {
      hint: `With the network: engineshed install ${engine}. Without, bring it in a file: engineshed export, engineshed import.`,
    },
  );
}

function lastResolved(store: Store, reference: RegistryReference): Digest | undefined {
  const wanted = formatReference({ ...reference, digest: undefined });
  const engines = readEngines(store.paths, () => {}).sort((a, b) => (a.installed < b.installed ? 1 : -1));
  for (const { sources } of engines) {
    for (const source of Object.values(sources))
      if (source.kind === 'image' && source.reference === wanted) return source.resolved;
  }
  return undefined;
}

/** The descriptor of a manifest or index that the store has. */
function describeStored(store: Store, digest: Digest): Descriptor | undefined {
  const bytes = readStoredBytes(store, digest);
  if (bytes === undefined) return undefined;
  return describeManifest(bytes, digest);
}

function offline(what: string, label: string): EngineshedError {
  return new EngineshedError('OFFLINE', `${what}, and the network is not to be used`, {
    hint: 'Leave out --offline, and unset ENGINESHED_OFFLINE.',
    details: { reference: label },
  });
}
