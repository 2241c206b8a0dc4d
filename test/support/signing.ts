import { generateKeyPairSync } from 'node:crypto';
import { copy, memoryTarget, streamOf, type Target } from '../../src/content/index.js';
import { buildArtifact, type Descriptor, describe, emptyContent } from '../../src/oci/index.js';
import { bundleType } from '../../src/trust/bundle.js';
import { imageSignatureType, type SigningKey } from '../../src/trust/index.js';
import { trustedKey } from '../../src/trust/public-key.js';
import { image } from '../conformance/target.js';

/** A new key, without a file and a passphrase. */
export function newKey(label: string): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: privateKey, public: trustedKey(publicKey, label) };
}

/** An image in a place, in memory unless told. */
export async function pushedImage(name: string, target: Target = memoryTarget()) {
  const { from, root, tag } = await image(name);
  await copy(from, root, target, { tags: [tag] });
  return { target, subject: root };
}

/** What carries a bundle; what is not given is as it should be. */
export interface Carried {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly layers?: readonly Descriptor[];
}

/** The annotations of what carries an image's signature. */
export const signatureAnnotations = {
  'dev.sigstore.bundle.content': 'dsse-envelope',
  'dev.sigstore.bundle.predicateType': imageSignatureType,
};

/** Attaches bytes as a bundle, whatever they are. */
export async function pushBundle(
  target: Target,
  subject: Descriptor,
  bundle: Buffer | string,
  { artifactType = bundleType, annotations = signatureAnnotations, layers }: Carried = {},
): Promise<Descriptor> {
  const bytes = Buffer.from(bundle);
  const layer = describe(bundleType, bytes);
  const carrier = buildArtifact({ artifactType, layers: layers ?? [layer], subject, annotations });
  await target.push(emptyContent.descriptor, async () => streamOf(emptyContent.bytes));
  await target.push(layer, async () => streamOf(bytes));
  await target.push(carrier.descriptor, async () => streamOf(carrier.bytes));
  return carrier.descriptor;
}
