import { createVerify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bundleType, formatBundle, parseBundle } from '../../src/trust/bundle.js';
import { signEnvelope, signersOf } from '../../src/trust/dsse.js';
import { newKey } from '../support/signing.js';

const payloadType = 'application/vnd.in-toto+json';
const payload = Buffer.from('{"a":"ü"}');

/** A bundle as JSON has it. */
type Bundle = ReturnType<typeof JSON.parse>;

/** A good bundle, changed. */
function changed(change: (bundle: Bundle) => unknown): Buffer {
  const key = newKey('one');
  const bundle = JSON.parse(formatBundle(signEnvelope(payloadType, payload, key), key.public.id).toString());
  change(bundle);
  return Buffer.from(JSON.stringify(bundle));
}

describe('a DSSE envelope', () => {
  it('is signed over type and payload with their lengths in bytes', () => {
    const key = newKey('one');
    const { signature } = signEnvelope('http://example.com/Héllo', payload, key);
    const signed = Buffer.from('DSSEv1 25 http://example.com/Héllo 10 {"a":"ü"}');
    expect(createVerify('sha256').update(signed).verify(key.public.key, signature)).toBe(true);
  });

  it('F01 counts for the keys that signed it, each once', () => {
    const [one, two] = [newKey('one'), newKey('two')];
    const envelope = signEnvelope(payloadType, payload, one);
    expect(signersOf(envelope, [two.public, one.public])).toEqual([one.public.id]);
    expect(signersOf(envelope, [one.public, { ...one.public, label: 'again' }])).toEqual([one.public.id]);
    expect(signersOf(envelope, [two.public])).toEqual([]);
    expect(signersOf(envelope, [])).toEqual([]);
  });

  it('F01 counts for nobody once its payload, type or signature is another', () => {
    const one = newKey('one');
    const envelope = signEnvelope(payloadType, payload, one);
    const signature = Buffer.from(envelope.signature);
    signature[signature.length - 1] = (signature.at(-1) as number) ^ 1;
    for (const other of [
      { ...envelope, payload: Buffer.from('{"a":"u"}') },
      { ...envelope, payloadType: 'application/json' },
      { ...envelope, signature },
      { ...envelope, signature: Buffer.alloc(0) },
      { ...envelope, signature: Buffer.alloc(72) },
      // What is signed must not be cut elsewhere.
      { ...envelope, payloadType: `${payloadType} 10`, payload: payload.subarray(0, 7) },
    ])
      expect(signersOf(other, [one.public])).toEqual([]);
  });
});

describe('a bundle', () => {
  it('is read as it was written', () => {
    const key = newKey('one');
    const envelope = signEnvelope(payloadType, payload, key);
    const bytes = formatBundle(envelope, key.public.id);
    expect(parseBundle(bytes, 'bundle')).toEqual(envelope);
    const hint = Buffer.from(key.public.id, 'hex').toString('base64');
    expect(JSON.parse(bytes.toString())).toMatchObject({
      mediaType: bundleType,
      verificationMaterial: { publicKey: { hint } },
    });
  });

  it('F01 may have what logs and clocks said, which is not looked at', () => {
    const bytes = changed((bundle) => {
      bundle.verificationMaterial.tlogEntries = [{ logIndex: '1' }];
      bundle.verificationMaterial.timestampVerificationData = {};
      bundle.dsseEnvelope.signatures[0].keyid = 'x';
    });
    expect(parseBundle(bytes, 'bundle').payload).toEqual(payload);
  });

  it('F01 is refused with a certificate instead of a key, or a signature over mere bytes', () => {
    const certificate = { rawBytes: 'AA==' };
    const cases: ((bundle: Bundle) => unknown)[] = [
      (bundle) => {
        bundle.verificationMaterial = { certificate };
      },
      (bundle) => {
        bundle.verificationMaterial.certificate = certificate;
      },
      (bundle) => {
        bundle.verificationMaterial = { x509CertificateChain: { certificates: [certificate] } };
      },
      (bundle) => {
        bundle.verificationMaterial = {};
      },
      (bundle) => {
        bundle.messageSignature = {
          messageDigest: { algorithm: 'SHA2_256', digest: 'AA==' },
          signature: 'AA==',
        };
        delete bundle.dsseEnvelope;
      },
      (bundle) => {
        bundle.messageSignature = {};
      },
    ];
    for (const change of cases)
      expect(() => parseBundle(changed(change), 'bundle')).toThrow(
        expect.objectContaining({ code: 'SIGNATURE_UNSUPPORTED' }),
      );
  });

  it('F01 is refused with two signatures, none, or an envelope twice', () => {
    const twice = changed(() => {})
      .toString()
      .replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":');
    expect(() => parseBundle(Buffer.from(twice), 'bundle')).toThrow(
      expect.objectContaining({ code: 'JSON_INVALID' }),
    );
    for (const change of [
      (bundle: Bundle) => bundle.dsseEnvelope.signatures.push(bundle.dsseEnvelope.signatures[0]),
      (bundle: Bundle) => bundle.dsseEnvelope.signatures.pop(),
      (bundle: Bundle) => {
        bundle.dsseEnvelope = [bundle.dsseEnvelope];
      },
    ])
      expect(() => parseBundle(changed(change), 'bundle')).toThrow(
        expect.objectContaining({ code: 'MANIFEST_INVALID' }),
      );
  });

  it('F01 is refused in another version, or with what nobody knows', () => {
    for (const change of [
      (bundle: Bundle) => {
        bundle.mediaType = 'application/vnd.dev.sigstore.bundle.v0.4+json';
      },
      (bundle: Bundle) => {
        bundle.more = 1;
      },
      (bundle: Bundle) => {
        bundle.dsseEnvelope.more = 1;
      },
      (bundle: Bundle) => {
        bundle.verificationMaterial.more = 1;
      },
    ])
      expect(() => parseBundle(changed(change), 'bundle')).toThrow(
        expect.objectContaining({ code: 'MANIFEST_INVALID' }),
      );
  });

  it('F01 is refused with base64 in another spelling', () => {
    const spelled = (text: string) =>
      changed((bundle) => {
        bundle.dsseEnvelope.payload = text;
      });
    expect(parseBundle(spelled('YQ=='), 'bundle').payload.toString()).toBe('a');
    for (const text of ['YQ', 'YQ=', 'YR==', 'YQ==\n', ' YQ==', 'Y Q==', '-_==', 'YQ==YQ=='])
      expect(() => parseBundle(spelled(text), 'bundle')).toThrow(
        expect.objectContaining({ code: 'MANIFEST_INVALID' }),
      );
  });
});
