import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { EngineshedError } from '../errors/index.js';
import { invalid, locked } from './key-errors.js';
import { type PemBlock, pemBlock } from './pem.js';
import { trustedKey } from './public-key.js';
import type { SigningKey } from './types.js';

/** The forms that cosign writes; the second is the older one. */
const sigstoreForms = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'];

/** A pair of keys, as its two files have it. */
export interface KeyPair {
  /** In the form of cosign: PEM of JSON, encrypted with the passphrase. */
  readonly privatePem: string;
  readonly publicPem: string;
  /** See `TrustedKey.id`. */
  readonly id: string;
}

/** Makes a new pair of keys, ECDSA on P-256, the private one encrypted. */
export async function generateKeyPair(passphrase: string): Promise<KeyPair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { sealSigstoreKey } = await import('./sigstore-key.js');
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  const sealed = await sealSigstoreKey(der, passphrase);
  der.fill(0);
  const lines = sealed.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  const [form] = sigstoreForms;
  return {
    privatePem: `-----BEGIN ${form}-----\n${lines}\n-----END ${form}-----\n`,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    id: trustedKey(publicKey, 'the new key').id,
  };
}

/**
 * Reads a private key in PEM: as cosign writes it, or PKCS #8, encrypted or not, or SEC 1, as openssl does.
 * @param label what people call it; no secret
 * @param passphrase asks for its passphrase, where it has one
 * @throws EngineshedError `KEY_INVALID`, `KEY_LOCKED` for a wrong passphrase, and as `passphrase` does
 */
export async function parsePrivateKey(
  pem: string,
  label: string,
  passphrase: () => Promise<string>,
): Promise<SigningKey> {
  const block = pemBlock(pem);
  if (block === undefined) throw invalid(label, 'is no private key in PEM');
  if (block.form === 'PUBLIC KEY')
    throw new EngineshedError('KEY_INVALID', `${label} is a public key, where a private one is wanted`, {
      hint: 'The private key is the file beside it that ends with .key.',
    });
  const key = sigstoreForms.includes(block.form)
    ? await openSigstore(block.text, label, passphrase)
    : await openPem(block, label, passphrase);
  return { key, public: trustedKey(createPublicKey(key), label) };
}

async function openSigstore(
  text: string,
  label: string,
  passphrase: () => Promise<string>,
): Promise<KeyObject> {
  const { openSigstoreKey } = await import('./sigstore-key.js');
  const der = await openSigstoreKey(Buffer.from(text, 'base64'), label, passphrase);
  try {
    return createPrivateKey({ key: der, type: 'pkcs8', format: 'der' });
  } catch {
    throw invalid(label, 'has something else than a private key');
  } finally {
    der.fill(0);
  }
}

async function openPem(
  { form, pem }: PemBlock,
  label: string,
  passphrase: () => Promise<string>,
): Promise<KeyObject> {
  const isLocked = form === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*ENCRYPTED/m.test(pem);
  if (!isLocked && form !== 'PRIVATE KEY' && form !== 'EC PRIVATE KEY')
    throw invalid(label, `is ${form.slice(0, 60)}, which is not supported`);
  const secret = isLocked ? await passphrase() : undefined;
  try {
    return createPrivateKey(secret === undefined ? pem : { key: pem, passphrase: secret });
  } catch {
    // What openssl says may quote the file.
    if (isLocked) throw locked(label);
    throw invalid(label, 'is no private key that can be read');
  }
}
