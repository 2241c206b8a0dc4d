import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { signEnvelope, signersOf } from '../../src/trust/dsse.js';
import {
  generateKeyPair,
  parsePrivateKey,
  parsePublicKey,
  readPrivateKeyFile,
} from '../../src/trust/index.js';
import { peersMissing } from '../support/peers.js';
import { temporaryDirectory } from '../support/temporary.js';

const passphrase = 'correct horse';

/** A pair that cosign v3.1.3 made for these tests, and nothing else. */
const cosign = {
  privatePem: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJMTUJRMFg2TS9zZEl5MmQrN2h6RERaMFlxWDNxL3dI
MVBGUXdtb1o0NExzPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJSVUJwUEllQ01iMDNHbUg3aUs3TXlES0dPNUo2TXJYVCJ9LCJj
aXBoZXJ0ZXh0IjoiZ2o5SEZxUUl0alpRMFdyUWw0Rzg5a3pNbTl0NjJqcFJoeHJs
WG1La1JOcFByWGxoNktkNEFmei9sRHJRRkUra0x0eVVabUpKRmJpcmNLcXg3U05B
dGtjRHNQdTkrV2xhUU1zQ3BQdituSUo1R2c0SG1CNzZJd295eERDWjkxV3dMOS9I
RllqcXNrRTRkRTVib285dHRqeU9xVGZrdVA0VmxSSjJFSXN4TXJXQ05HM2xIUVkv
UUlJRjNoK05ZS1E1TUtHWjhrZVpLU2lEd1E9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  publicPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwZ3Jr9ts6BhcmTk6ycbGBdMN14P7
+n/uEzgR4ZZNiN8dMkGQjcZ1S6t0R1D7vbqTmL2ogPjK0qPzBAxt6kX3Kw==
-----END PUBLIC KEY-----
`,
};

const open = (pem: string, secret = passphrase) => parsePrivateKey(pem, 'a.key', async () => secret);

/** Nobody is asked for a passphrase. */
const openAlone = (pem: string) =>
  parsePrivateKey(pem, 'a.key', async () => {
    throw new Error('asked for a passphrase');
  });

const pemOf = (key: KeyObject, type: 'pkcs8' | 'sec1' = 'pkcs8') =>
  key.export({ type, format: 'pem' }).toString();

describe('a pair of keys', () => {
  it('is made in the form of cosign, and opened with its passphrase only', async () => {
    const { privatePem, publicPem, id } = await generateKeyPair(passphrase);
    expect(privatePem).toMatch(
      /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n$/,
    );
    const key = await open(privatePem);
    expect(key.public.id).toBe(id);
    const trusted = parsePublicKey(publicPem, 'a.pub');
    expect(trusted).toMatchObject({ id, label: 'a.pub' });
    expect(signersOf(signEnvelope('a/b', Buffer.from('x'), key), [trusted])).toEqual([id]);
    for (const wrong of ['', 'correct horse ', 'Correct horse']) {
      const error = await open(privatePem, wrong).catch((error) => error);
      expect(error).toMatchObject({ code: 'KEY_LOCKED' });
      if (wrong !== '') expect(JSON.stringify([error.message, error.hint])).not.toContain(wrong);
    }
  });

  it('of cosign is opened, and another each time one is made', async () => {
    const key = await open(cosign.privatePem);
    expect(key.public.id).toBe(parsePublicKey(cosign.publicPem, 'cosign.pub').id);
    const older = cosign.privatePem.replaceAll('SIGSTORE', 'COSIGN');
    expect((await open(older)).public.id).toBe(key.public.id);
    const [one, two] = [await generateKeyPair(passphrase), await generateKeyPair(passphrase)];
    expect(one.id).not.toBe(two.id);
  });

  it('of another cost or cipher than cosign has is refused before anything is derived', async () => {
    const [, text = ''] = cosign.privatePem
      .split('-----')
      .map((part) => part.trim())
      .filter(Boolean);
    const sealed = JSON.parse(Buffer.from(text, 'base64').toString());
    const form = 'ENCRYPTED SIGSTORE PRIVATE KEY';
    const written = (change: object) => {
      const json = Buffer.from(JSON.stringify({ ...sealed, ...change })).toString('base64');
      return `-----BEGIN ${form}-----\n${json}\n-----END ${form}-----\n`;
    };
    await open(written({}));
    const params = (N: number, r = 8, p = 1) => ({ kdf: { ...sealed.kdf, params: { N, r, p } } });
    for (const change of [
      params(2 ** 20),
      params(2 ** 10),
      params(65_536, 64),
      params(65_536, 8, 1000),
      { kdf: { ...sealed.kdf, name: 'none' } },
      { cipher: { ...sealed.cipher, name: 'none' } },
      { cipher: { ...sealed.cipher, nonce: 'AAAA' } },
      { ciphertext: 7 },
    ])
      await expect(openAlone(written(change))).rejects.toMatchObject({ code: 'KEY_INVALID' });
    const cut = { ciphertext: Buffer.from(sealed.ciphertext, 'base64').subarray(0, -1).toString('base64') };
    await expect(open(written(cut))).rejects.toMatchObject({ code: 'KEY_LOCKED' });
  });
});

describe('a key of openssl', () => {
  it('is read in each of its forms', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { id } = parsePublicKey(publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'x');
    expect((await openAlone(pemOf(privateKey))).public.id).toBe(id);
    expect((await openAlone(pemOf(privateKey, 'sec1'))).public.id).toBe(id);
    for (const type of ['pkcs8', 'sec1'] as const) {
      const locked = privateKey
        .export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase } as never)
        .toString();
      expect((await open(locked)).public.id).toBe(id);
      await expect(open(locked, 'wrong')).rejects.toMatchObject({ code: 'KEY_LOCKED' });
      await expect(openAlone(locked)).rejects.toThrow('asked for a passphrase');
    }
  });

  it.skipIf(peersMissing('openssl'))('is read as the program writes it', async () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
    // With the parameters of the curve before it.
    const sec1 = openssl('ecparam', '-name', 'prime256v1', '-genkey');
    expect(sec1).toContain('EC PARAMETERS');
    expect((await openAlone(sec1)).public.id).toMatch(/^[0-9a-f]{64}$/);
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const certificate = openssl(...request, '-subj', '/CN=x', '-keyout', '/dev/null');
    expect(certificate).toContain('BEGIN CERTIFICATE');
    expect(() => parsePublicKey(certificate, 'x')).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    const pkcs8 = openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');
    expect((await openAlone(pkcs8)).public.id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is refused where it is of another sort, or not one key', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const edwards = generateKeyPairSync('ed25519');
    const good = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    for (const { privateKey, publicKey } of [rsa, other, edwards]) {
      await expect(openAlone(pemOf(privateKey))).rejects.toMatchObject({ code: 'KEY_INVALID' });
      expect(() => parsePublicKey(spki(publicKey), 'x')).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID' }),
      );
    }
    const [pub, key] = [spki(good.publicKey), pemOf(good.privateKey)];
    for (const text of ['', 'no key', pub + pub, pub + key, pub.slice(0, 60), pub.repeat(1000), key])
      expect(() => parsePublicKey(text, 'x')).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    for (const text of ['', 'no key', key + key, key.slice(0, 60), pub, key.replace(/\n.{20}/, '\n')])
      await expect(openAlone(text)).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });
});

describe('the file of a private key', () => {
  it('is refused where it is of this user and others may read or write it', () => {
    const directory = temporaryDirectory();
    const userId = process.getuid?.();
    const path = `${directory}/a.key`;
    writeFileSync(path, 'content', { mode: 0o600 });
    expect(readPrivateKeyFile(path, userId)).toBe('content');
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      chmodSync(path, mode);
      expect(() => readPrivateKeyFile(path, userId)).toThrow(
        expect.objectContaining({
          code: 'FILE_PERMISSION',
          hint: expect.stringContaining(`chmod 600 ${path}`),
        }),
      );
      // Somebody else decided that: a secret that a pipeline mounts.
      expect(readPrivateKeyFile(path, (userId ?? 0) + 1)).toBe('content');
      expect(readPrivateKeyFile(path, undefined)).toBe('content');
    }
  });

  it('is not guarded where it has the public key by mistake', async () => {
    const path = `${temporaryDirectory()}/a.pub`;
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(path, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 });
    const pem = readPrivateKeyFile(path, process.getuid?.());
    await expect(parsePrivateKey(pem, 'a.pub', async () => '')).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message: 'a.pub is a public key, where a private one is wanted',
      hint: expect.stringContaining('.key'),
    });
  });

  it('is said to be missing, no file, or too long', () => {
    const directory = temporaryDirectory();
    mkdirSync(`${directory}/directory`, { mode: 0o700 });
    writeFileSync(`${directory}/long`, 'x'.repeat(64 * 1024 + 1), { mode: 0o600 });
    writeFileSync(`${directory}/full`, 'x'.repeat(64 * 1024), { mode: 0o600 });
    const userId = process.getuid?.();
    const read = (name: string) => () => readPrivateKeyFile(`${directory}/${name}`, userId);
    expect(read('none')).toThrow(expect.objectContaining({ code: 'PATH_NOT_FOUND' }));
    expect(read('directory')).toThrow(
      expect.objectContaining({
        code: 'PATH_NOT_FOUND',
        message: expect.stringMatching(/, but a directory$/),
      }),
    );
    // Nobody is told to close a directory to others that is not theirs alone.
    chmodSync(`${directory}/directory`, 0o777);
    expect(read('directory')).toThrow(expect.objectContaining({ code: 'PATH_NOT_FOUND' }));
    expect(read('long')).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    expect(read('full')()).toHaveLength(64 * 1024);
  });
});
