import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { resolveReference, type Target } from '../../content/index.js';
import { engineArtifactType, type ReadEngine, readExportedEngines } from '../../engine/index.js';
import { EngineshedError, fromSystemError } from '../../errors/index.js';
import { type Descriptor, type Digest, formatReference, type Reference } from '../../oci/index.js';
import { parsePublicKey, type TrustedKey, verifyImage, type WantedSigners } from '../../trust/index.js';
import type { Host } from '../host.js';
import { withPlace } from '../images.js';
import { printJson, printLine } from '../output.js';
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
}

/** Verifies who signed an image, or all images of an exported engine. */
export async function verify(this: Host, flags: VerifyFlags, image: string): Promise<void> {
  const wanted = wantedSigners(this, flags);
  const images = await withPlace(this, flags, image, async ({ target, reference }) => {
    const verified: VerifiedImage[] = [];
    for (const { name, subjects } of await imagesToVerify(target, reference)) {
      const signers = await verifyImage(target, subjects, name, wanted);
      verified.push({ image: name, digest: subjects[0].digest, signers });
    }
    return verified;
  });
  if (flags.json) {
    printJson(this, {
      threshold: wanted.threshold,
      images: images.map(({ image, digest, signers }) => ({
        image,
        digest,
        signers: signers.map(({ id, label }) => ({ id, key: label })),
      })),
    });
    return;
  }
  for (const { image, digest, signers } of images) {
    printLine(this, `${image} is signed by ${count(signers.length, 'key')}`);
    printLine(this, `  digest  ${digest}`);
    for (const { id, label } of signers) printLine(this, `  key     ${label}  ${id}`);
  }
}

/**
 * The keys of the command line.
 * @throws EngineshedError `USAGE`, `KEY_INVALID`, `PATH_NOT_FOUND`
 */
function wantedSigners(host: Host, { key: paths = [], threshold = 1 }: VerifyFlags): WantedSigners {
  if (paths.length === 0)
    throw new EngineshedError('USAGE', 'There is no key to verify with', {
      hint: 'Name the public keys that may have signed: --key FILE',
    });
  const keys = paths.map((path) => parsePublicKey(readKeyFile(resolve(host.directory, path)), path));
  const different = new Set(keys.map(({ id }) => id)).size;
  if (threshold > different)
    throw new EngineshedError(
      'USAGE',
      `--threshold ${threshold} needs as many keys, and there are ${different}`,
    );
  return { keys, threshold };
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fromSystemError(error);
  }
}

interface ImageToVerify {
  readonly name: string;
  /** The image, and the indexes that it was chosen from: a signature of one of them is one of the image. */
  readonly subjects: readonly [Descriptor, ...Descriptor[]];
}

/** The image that a reference stands for; those of the engines where it is what `engineshed export` made. */
async function imagesToVerify(target: Target, reference: Reference): Promise<ImageToVerify[]> {
  const engines = await exportedEngines(target, reference);
  if (engines.length === 0) {
    const subject = await resolveReference(target, reference);
    return [{ name: formatReference({ ...reference, digest: subject.digest }), subjects: [subject] }];
  }
  const images: ImageToVerify[] = [];
  for (const { lock } of engines)
    for (const [source, locked] of Object.entries(lock.sources)) {
      if (locked.kind === 'directory') continue;
      const { manifest, resolved } = locked;
      const index = resolved === manifest.digest ? [] : [await target.resolve(resolved)];
      images.push({ name: `${source} of ${lock.name}`, subjects: [manifest, ...index] });
    }
  return images;
}

async function exportedEngines(target: Target, { tag, digest }: Reference): Promise<ReadEngine[]> {
  const listed = (await target.images?.()) ?? [];
  if (digest !== undefined || !listed.some(({ artifactType }) => artifactType === engineArtifactType))
    return [];
  const engines = await readExportedEngines(target);
  return engines.filter(({ lock }) => tag === undefined || tag === lock.name);
}
