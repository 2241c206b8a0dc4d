import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { secretbox } from '@noble/ciphers/salsa.js';
import * as v from 'valibot';
import { check, parseJson } from '../oci/index.js';
import { invalid, locked } from './key-errors.js';

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** What a new key is encrypted with, as cosign does (go-securesystemslib, "encrypted"). */
const newCost = 65_536;
/** The costs that are taken: others would be a way to keep this program busy. */
const costs = [32_768, newCost, 131_072];
const keyBytes = 32;
const saltBytes = 32;
const nonceBytes = 24;

const sealedSchema = v.looseObject({
  kdf: v.looseObject({
    name: v.literal('scrypt'),
    params: v.looseObject({ N: v.picklist(costs), r: v.literal(8), p: v.literal(1) }),
    salt: v.string(),
  }),
  cipher: v.looseObject({ name: v.literal('nacl/secretbox'), nonce: v.string() }),
  ciphertext: v.string(),
});

/**
 * Encrypts a private key as cosign does: scrypt for the passphrase, NaCl's secret box for the key, both in one JSON document.
 * @param der the key, PKCS #8
 */
export async function sealSigstoreKey(der: Buffer, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const key = await boxKey(passphrase, salt, newCost);
  const ciphertext = Buffer.from(secretbox(key, nonce).seal(der));
  key.fill(0);
  return Buffer.from(
    JSON.stringify({
      kdf: { name: 'scrypt', params: { N: newCost, r: 8, p: 1 }, salt: salt.toString('base64') },
      cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
      ciphertext: ciphertext.toString('base64'),
    }),
  );
}

/**
 * Decrypts what {@link sealSigstoreKey}, or cosign, made.
 * @returns the key, PKCS #8 in DER
 * @throws EngineshedError `KEY_INVALID`, `KEY_LOCKED`
 */
export async function openSigstoreKey(
  sealed: Buffer,
  label: string,
  passphrase: () => Promise<string>,
): Promise<Buffer> {
  const { kdf, cipher, ciphertext } = parseSealed(sealed, label);
  const nonce = Buffer.from(cipher.nonce, 'base64');
  if (nonce.length !== nonceBytes) throw invalid(label, 'is malformed');
  const key = await boxKey(await passphrase(), Buffer.from(kdf.salt, 'base64'), kdf.params.N);
  try {
    return Buffer.from(secretbox(key, nonce).open(Buffer.from(ciphertext, 'base64')));
  } catch {
    throw locked(label);
  } finally {
    key.fill(0);
  }
}

function parseSealed(sealed: Buffer, label: string): v.InferOutput<typeof sealedSchema> {
  try {
    return check(sealedSchema, parseJson(sealed, 'key'), 'key');
  } catch {
    throw invalid(label, 'is no key as cosign writes it');
  }
}

/** scrypt needs 128 bytes for each unit of cost and block, and a little more. */
function boxKey(passphrase: string, salt: Buffer, N: number): Promise<Buffer> {
  return derive(passphrase, salt, keyBytes, { N, r: 8, p: 1, maxmem: 128 * N * 8 + 1024 * 1024 });
}
