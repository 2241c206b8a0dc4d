import {
  type Catalogs,
  definitionForReference,
  engineLineage,
  enginesFrom,
  imagesOf,
  policyEngines,
} from '../catalog/index.js';
import { EngineshedError } from '../errors/index.js';
import type { Reference } from '../oci/index.js';
import {
  describePolicy,
  keysOf,
  type PolicySubject,
  policiesFor,
  type ReadPolicy,
  readPolicyKeys,
  repositoryName,
  type SigningKey,
  type TrustedKey,
  type TrustPolicy,
} from '../trust/index.js';
import { isReleasePlace, type ReleaseDesk } from './release.js';

/** What policies may be about where an image of an engine is asked for, as an install of that engine is asked. */
export function policySubject(catalogs: Catalogs, engine: string, reference: Reference): PolicySubject {
  const own = reference.transport === 'registry' ? [repositoryName(reference)] : [];
  return {
    engines: policyEngines(catalogs, engine, reference),
    images: [...own, ...imagesOf(catalogs, engine)],
  };
}

/** The policies that are for the releases of a project: by the engine that they are made of, those that follow them, or the image. */
export function releasePolicies({
  catalogs,
  settings,
}: Pick<ReleaseDesk, 'catalogs' | 'settings'>): TrustPolicy[] {
  return policiesFor(catalogs.policies, {
    engines: [...engineLineage(catalogs, settings.engine), ...enginesFrom(catalogs, settings.image)],
    images: settings.image.transport === 'registry' ? [repositoryName(settings.image)] : [],
  });
}

/**
 * Those policies with their keys.
 * @throws EngineshedError as `readPolicyKeys` does
 */
export function readReleasePolicies(desk: ReleaseDesk): Promise<ReadPolicy[]> {
  return Promise.all(releasePolicies(desk).map(readPolicyKeys));
}

/**
 * The keys of those policies, each once.
 * @throws EngineshedError as `readPolicyKeys` does
 */
export async function releaseKeys(desk: ReleaseDesk): Promise<TrustedKey[]> {
  return keysOf(await readReleasePolicies(desk));
}

/**
 * The policies for an image that is named by its reference, and those for the releases of the project where it is one of them.
 * @throws EngineshedError as `readPolicyKeys` does
 */
export function readImagePolicies(catalogs: Catalogs, reference: Reference): Promise<ReadPolicy[]> {
  const { policies, release } = catalogs;
  const { name } = definitionForReference(catalogs, reference);
  const own = policiesFor(policies, policySubject(catalogs, name, reference));
  const its =
    release !== undefined && isReleasePlace(release, reference)
      ? releasePolicies({ catalogs, settings: release })
      : [];
  return Promise.all([...new Set([...own, ...its])].map(readPolicyKeys));
}

/**
 * Makes sure that what a key signs will count: where policies govern what it signs about, it has to be a key of one of them.
 * @param policies those that ask for what is to be signed
 * @param what what it is signed about, for the message
 * @throws EngineshedError `SIGNATURE_INVALID`
 */
export function requireCountingKey(
  { public: { id, label } }: SigningKey,
  policies: readonly ReadPolicy[],
  what: string,
): void {
  if (policies.length === 0 || policies.some(({ keys }) => keys.some((key) => key.id === id))) return;
  const named = policies.map(describePolicy).join(', nor of ');
  throw new EngineshedError(
    'SIGNATURE_INVALID',
    `${label} is no key of ${named}: what it signs about ${what} would count for nothing`,
    {
      hint: `Nothing was signed. Sign with a key that is named there, or name this one there first: engineshed trust public-key --key ${label} prints its public half.`,
      details: { actual: id },
    },
  );
}
