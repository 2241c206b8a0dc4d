import * as v from 'valibot';
import { EngineshedError } from '../errors/index.js';
import { check, parseJson } from '../oci/index.js';
import type { Envelope } from './dsse.js';

/** The media type of a Sigstore bundle, of the layer that has it, and the artifact type of what carries it. */
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Only the one way to write bytes: padded, and nothing in the bits that are left over. */
const base64 = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const bytes = Buffer.from(dataset.value, 'base64');
    if (bytes.toString('base64') === dataset.value) return bytes;
    addIssue({ message: 'it is not base64 as it must be written' });
    return NEVER;
  }),
);

const bundleSchema = v.strictObject({
  mediaType: v.literal(bundleType),
  verificationMaterial: v.strictObject({
    publicKey: v.optional(v.strictObject({ hint: v.optional(v.string()) })),
    certificate: v.optional(v.unknown()),
    x509CertificateChain: v.optional(v.unknown()),
    tlogEntries: v.optional(v.array(v.unknown())),
    timestampVerificationData: v.optional(v.unknown()),
  }),
  dsseEnvelope: v.optional(
    v.strictObject({
      payload: base64,
      payloadType: v.string(),
      signatures: v.pipe(
        v.array(v.strictObject({ sig: base64, keyid: v.optional(v.string()) })),
        v.length(1, 'a bundle has exactly one signature'),
      ),
    }),
  ),
  messageSignature: v.optional(v.unknown()),
});

/**
 * Writes an envelope as a Sigstore bundle, as cosign does: with the sha256 of the key as a hint, and without a log's entry.
 * @param keyId see `TrustedKey.id`
 */
export function formatBundle({ payloadType, payload, signature }: Envelope, keyId: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      mediaType: bundleType,
      verificationMaterial: { publicKey: { hint: Buffer.from(keyId, 'hex').toString('base64') } },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType,
        signatures: [{ sig: signature.toString('base64') }],
      },
    }),
  );
}

/**
 * Parses a Sigstore bundle (protobuf-specs, "sigstore_bundle.proto", version 0.3). Nothing in it is verified, and what it says of
 * keys and logs is passed over.
 * @param where names it in errors
 * @throws EngineshedError `JSON_INVALID`, `MANIFEST_INVALID`; `SIGNATURE_UNSUPPORTED` for a bundle with a certificate instead of a
 * key, or with a signature over mere bytes
 */
export function parseBundle(bytes: Uint8Array, where: string): Envelope {
  const { verificationMaterial, dsseEnvelope, messageSignature } = check(
    bundleSchema,
    parseJson(bytes, where),
    where,
  );
  const { publicKey, certificate, x509CertificateChain } = verificationMaterial;
  if (certificate !== undefined || x509CertificateChain !== undefined || publicKey === undefined)
    throw unsupported(where, 'is by a certificate, and not by a key');
  if (messageSignature !== undefined || dsseEnvelope === undefined)
    throw unsupported(where, 'signs mere bytes, and says nothing of what they are');
  const { payload, payloadType, signatures } = dsseEnvelope;
  return { payload, payloadType, signature: (signatures[0] as { readonly sig: Buffer }).sig };
}

function unsupported(where: string, what: string): EngineshedError {
  return new EngineshedError('SIGNATURE_UNSUPPORTED', `The ${where} ${what}`, {
    hint: 'Sign with a key: engineshed trust sign REF --key FILE, or cosign sign --key FILE.',
  });
}
