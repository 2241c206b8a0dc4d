import { streamOf, type Target } from '../content/index.js';
import { inOperation } from '../errors/index.js';
import { annotationKeys, buildArtifact, type Descriptor, describe, emptyContent } from '../oci/index.js';
import { bundleType, formatBundle } from './bundle.js';
import { signEnvelope } from './dsse.js';
import { formatStatement, statementType } from './statement.js';
import type { SigningInputs } from './types.js';

/** What a bundle has, as an annotation of what carries it. */
const contentKey = 'dev.sigstore.bundle.content';
/** What a bundle says, as an annotation of what carries it. */
export const predicateTypeKey = 'dev.sigstore.bundle.predicateType';

/**
 * Signs a statement about an image and attaches it, exactly as cosign does: a bundle as the one layer of a manifest that has the
 * image as its subject. Every call makes another signature.
 * @returns the manifest
 * @throws EngineshedError as `Target.push` does
 */
export async function attachSigned(target: Target, inputs: SigningInputs): Promise<Descriptor> {
  const { subject, name, predicateType, predicate, created, key } = inputs;
  const payload = formatStatement(subject.digest, name, { predicateType, predicate });
  const bundle = formatBundle(signEnvelope(statementType, payload, key), key.public.id);
  const layer = describe(bundleType, bundle);
  const carrier = buildArtifact({
    artifactType: bundleType,
    layers: [layer],
    subject,
    annotations: {
      [annotationKeys.created]: created,
      [contentKey]: 'dsse-envelope',
      [predicateTypeKey]: predicateType,
    },
  });
  try {
    await target.push(emptyContent.descriptor, async () => streamOf(emptyContent.bytes));
    await target.push(layer, async () => streamOf(bundle));
    await target.push(carrier.descriptor, async () => streamOf(carrier.bytes));
  } catch (error) {
    throw inOperation(`Attaching a signature to ${subject.digest}`, error);
  }
  return carrier.descriptor;
}
