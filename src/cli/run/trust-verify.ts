import { type Catalogs, definitionForReference } from '../../catalog/index.js';
import { resolveReference, type Target } from '../../content/index.js';
import { engineArtifactType, type ReadEngine, readExportedEngines } from '../../engine/index.js';
import { EngineshedError } from '../../errors/index.js';
import {
  type Descriptor,
  type Digest,
  formatReference,
  parseReference,
  type Reference,
} from '../../oci/index.js';
import {
  describePolicy,
  type PolicySubject,
  policiesFor,
  readPolicyKeys,
  type TrustedKey,
  verifyImage,
  type WantedSigners,
} from '../../trust/index.js';
import { openCatalogs } from '../catalogs.js';
import type { Host } from '../host.js';
import { withPlace } from '../images.js';
import { printJson, printLine } from '../output.js';
import { policySubject } from '../policies.js';
import { readPublicKeys } from '../public-keys.js';
import type { NetworkFlags } from '../runtime.js';
import { count } from '../text.js';

/** The flags of `engineshed trust verify`. */
interface VerifyFlags extends NetworkFlags {
  readonly key?: readonly string[];
  readonly threshold?: number;
  readonly json?: boolean;
}

/** An image that was verified. */
interface VerifiedImage {
  readonly image: string;
  readonly digest: Digest;
  readonly signers: readonly TrustedKey[];
  /** How many signatures were not opened. */
  readonly unread: number;
}

/** Verifies who signed an image, or all images of an exported engine. */
export async function verify(this: Host, flags: VerifyFlags, image: string): Promise<void> {
  const given = givenSigners(this, flags);
  const catalogs = await openCatalogs(this, undefined);
  const { images, directories } = await withPlace(this, flags, image, async ({ target, reference }) => {
    const verified: VerifiedImage[] = [];
    const found = await imagesToVerify(catalogs, target, reference);
    for (const { name, subjects, about } of found.images) {
      const signers = new Map<string, TrustedKey>();
      let unread = 0;
      for (const wanted of given === undefined ? await policySigners(catalogs, name, about) : [given]) {
        const found = await verifyImage(target, subjects, name, wanted);
        for (const key of found.signers) signers.set(key.id, key);
        unread = Math.max(unread, found.unread);
      }
      verified.push({ image: name, digest: subjects[0].digest, signers: [...signers.values()], unread });
    }
    return { images: verified, directories: found.directories };
  });
  if (flags.json) {
    printJson(this, {
      threshold: given?.threshold ?? null,
      images: images.map(({ image, digest, signers, unread }) => ({
        image,
        digest,
        signers: signers.map(({ id, label }) => ({ id, key: label })),
        unread,
      })),
      directories,
    });
    return;
  }
  for (const { image, digest, signers, unread } of images) {
    printLine(this, `${image} is signed by ${count(signers.length, 'key')}`);
    printLine(this, `  digest  ${digest}`);
    for (const { id, label } of signers) printLine(this, `  key     ${label}  ${id}`);
    if (unread > 0)
      printLine(this, `  unread  ${count(unread, 'older signature')}: there are too many to look at all`);
  }
  for (const { engine, source, directory } of directories)
    printLine(this, `${source} of ${engine} is the directory ${directory}, which nobody signs`);
}

/**
 * The keys of the command line; undefined where there are none, and the policies decide.
 * @throws EngineshedError `USAGE`, `KEY_INVALID`, `PATH_NOT_FOUND`
 */
function givenSigners(host: Host, { key: paths = [], threshold }: VerifyFlags): WantedSigners | undefined {
  if (paths.length === 0 && threshold !== undefined)
    throw new EngineshedError('USAGE', '--threshold says how many of the keys of --key, and there are none');
  return paths.length === 0 ? undefined : wantedSigners(host, paths, threshold ?? 1);
}

/**
 * What the policies ask for; all of it has to be there.
 * @throws EngineshedError `USAGE` where there is none, and as `readPolicyKeys` does
 */
async function policySigners(
  { policies }: Catalogs,
  image: string,
  about: PolicySubject,
): Promise<WantedSigners[]> {
  const its = await Promise.all(policiesFor(policies, about).map(readPolicyKeys));
  if (its.length > 0)
    return its.map((policy) => ({
      keys: policy.keys,
      threshold: policy.threshold,
      by: describePolicy(policy),
    }));
  throw new EngineshedError('USAGE', `There is no key to verify ${image} with, and no policy for it`, {
    hint: 'Name the public keys that may have signed: --key FILE',
  });
}

function wantedSigners(host: Host, paths: readonly string[], threshold: number): WantedSigners {
  const keys = readPublicKeys(host, paths);
  const different = new Set(keys.map(({ id }) => id)).size;
  if (threshold > different)
    throw new EngineshedError(
      'USAGE',
      `--threshold ${threshold} needs as many keys, and there are ${different}`,
    );
  return { keys, threshold };
}

interface ImageToVerify {
  readonly name: string;
  /** The image, and the indexes that it was chosen from: a signature of one of them is one of the image. */
  readonly subjects: readonly [Descriptor, ...Descriptor[]];
  /** What policies may be about. */
  readonly about: PolicySubject;
}

/** What is to be verified, and what cannot be. */
interface Verifiable {
  readonly images: readonly ImageToVerify[];
  readonly directories: readonly {
    readonly engine: string;
    readonly source: string;
    readonly directory: string;
  }[];
}

/** The image that a reference stands for; those of the engines where it is what `engineshed export` made. */
async function imagesToVerify(catalogs: Catalogs, target: Target, reference: Reference): Promise<Verifiable> {
  const engines = await exportedEngines(target, reference);
  if (engines.length === 0) {
    const subject = await resolveReference(target, reference);
    const about = policySubject(catalogs, definitionForReference(catalogs, reference).name, reference);
    const name = formatReference({ ...reference, digest: subject.digest });
    return { images: [{ name, subjects: [subject], about }], directories: [] };
  }
  const images: ImageToVerify[] = [];
  const directories: Verifiable['directories'][number][] = [];
  for (const { lock } of engines)
    for (const [source, locked] of Object.entries(lock.sources)) {
      if (locked.kind === 'directory') {
        directories.push({ engine: lock.name, source, directory: locked.path });
        continue;
      }
      const { manifest, resolved } = locked;
      const index = resolved === manifest.digest ? [] : [await target.resolve(resolved)];
      const from = parseReference(locked.reference);
      const about = policySubject(catalogs, lock.name, from);
      images.push({ name: `${source} of ${lock.name}`, subjects: [manifest, ...index], about });
    }
  return { images, directories };
}

async function exportedEngines(target: Target, { tag, digest }: Reference): Promise<ReadEngine[]> {
  const listed = (await target.images?.()) ?? [];
  if (digest !== undefined || !listed.some(({ artifactType }) => artifactType === engineArtifactType))
    return [];
  const engines = await readExportedEngines(target);
  return engines.filter(({ lock }) => tag === undefined || tag === lock.name);
}
