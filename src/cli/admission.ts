import { type Catalogs, imagesOf, policyEngines } from '../catalog/index.js';
import type { Target } from '../content/index.js';
import type { EngineDefinition, EngineLock, LockedImageSource } from '../engine/index.js';
import { formatReference, parseReference, type Reference } from '../oci/index.js';
import { type Remembered, rememberingTarget, type Store } from '../store/index.js';
import { type Admission, admit, type Candidate } from '../trust/admission.js';
import type { TrustMemory } from '../trust/memory.js';
import { placeName, repositoryName } from '../trust/repository.js';
import type { Host } from './host.js';

/** An engine that is to come into the store. */
export interface AdmissionInputs {
  readonly catalogs: Catalogs;
  readonly store: Store;
  readonly lock: EngineLock;
  /** Whether a source was found by its tag just now; by the digest of a lock, else. */
  readonly followed: (source: string) => boolean;
  /** The engine with the references that its catalog has, where `--registry` made others of them. */
  readonly canonical?: Pick<EngineDefinition, 'sources'> | undefined;
  /** The place of a source, where nothing that is read is remembered: what is attached to an image is none of its content. */
  readonly target: (source: string) => Target;
  /** What resolving fetched. */
  readonly remembered: Remembered;
  /** Whether what is found may be written down: not where nothing is to change. */
  readonly keeping: 'keep' | 'leave';
}

/**
 * Looks whether an engine may come into the store, by the policies of all catalogs. A lock for several platforms may only where the
 * images of all of them may.
 * @throws EngineshedError as `admit` does
 */
export function admitLock(host: Host, inputs: AdmissionInputs): Promise<Admission> {
  const { catalogs, store, keeping } = inputs;
  return admit({
    candidates: candidatesOf(inputs),
    policies: catalogs.policies,
    memory: () => openTrustMemory(store, keeping),
    now: () => host.now(),
  });
}

/** What a store remembers of channels and signatures, loaded where it is needed. */
export async function openTrustMemory(
  store: Store,
  keeping: AdmissionInputs['keeping'],
): Promise<TrustMemory> {
  const { trustMemory } = await import('../store/trust-memory.js');
  const memory = trustMemory(store);
  return keeping === 'keep' ? memory : { ...memory, keep: async () => {} };
}

/** The images of an engine, as policies look at them. */
export function candidatesOf(inputs: AdmissionInputs): Candidate[] {
  const { catalogs, store, lock, followed, canonical, target, remembered } = inputs;
  // A lock that comes from elsewhere may call its images what it likes.
  const known = catalogs.policies.length === 0 ? [] : imagesOf(catalogs, lock.name);
  return Object.entries(lock.sources).flatMap(([name, locked]): Candidate[] => {
    if (locked.kind === 'directory') return [];
    const asked = parseReference(locked.reference);
    const own = canonical?.sources[name];
    const reference = own === undefined || own.kind === 'directory' ? asked : own.reference;
    const about = {
      reference: formatReference(asked),
      repository: repositoryName(reference),
      place: placeName(reference),
      images: [...new Set([...[reference, asked].flatMap(imageName), ...known])],
      engines: policyEngines(catalogs, lock.name, asked),
      tag: followed(name) && asked.digest === undefined ? (asked.tag ?? 'latest') : undefined,
      resolved: locked.resolved,
      target: () => rememberingTarget(store, target(name), new Map(remembered)),
    };
    return manifestsOf(locked).map((manifest) => ({ ...about, manifest }));
  });
}

function manifestsOf({ images, manifest }: LockedImageSource): LockedImageSource['manifest'][] {
  return images === undefined ? [manifest] : images.map((image) => image.manifest);
}

/** Only images of registries have names that are the same everywhere. */
function imageName(reference: Reference): string[] {
  return reference.transport === 'registry' ? [repositoryName(reference)] : [];
}
